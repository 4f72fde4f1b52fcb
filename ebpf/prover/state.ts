/** One path of one program, somewhere on its way. */
import type { Facts } from './facts.ts';
import { copyMemory, freshMemory, type Initial, type Memory, mergeMemory } from './memory.ts';
import { ProofLimit, type Term } from './term.ts';
import type { Region, World } from './world.ts';

/** Something the outside sees, in order: both programs must show the same. */
export type Event = {
  readonly what: string;
  readonly args: readonly Term[];
  /** What others may have read by this moment. */
  readonly regions: readonly RegionState[];
  /** What may hold anything afterwards, the same in both programs. */
  readonly changed: readonly Region[];
  /** Of an atomic that could as well be a load, an operation and a store, if nobody else came in between: where it is. */
  readonly plain: Plain | undefined;
};

/**
 * So many bytes of a map, from the offset that is the event's first argument, and what is there afterwards where nobody else comes
 * in between. `isAdded`: only the new program has it, and the old one does the same in steps.
 */
export type Plain = {
  readonly region: Region;
  readonly size: number;
  readonly left: Term;
  readonly isAdded: boolean;
};

/** Whether an atomic whose old value is dropped is one that only this program has, after so many that were taken as such. */
export type Adds = (what: string, args: readonly Term[], at: number, added: number) => boolean;

type Effect = {
  /** Whoever sees it sees what was stored before, too: a release. */
  readonly publishes?: boolean;
  readonly changed?: readonly Region[];
  readonly plain?: Plain;
};

export type RegionState = { readonly region: Region; readonly version: number; readonly memory: Memory };

export type Frame = { readonly returnTo: number; readonly saved: readonly (Term | undefined)[] };

export class State {
  slot = 0;
  regs: (Term | undefined)[] = [];
  frames: readonly Frame[] = [];
  events: readonly Event[] = [];
  conditions: readonly Term[] = [];
  /** How often helpers changed each map. */
  versions: ReadonlyMap<string, number> = new Map();
  memories = new Map<string, Memory>();
  adds: Adds = () => false;
  /** How often what others may change was looked at again, with nothing between that says what it is by then. */
  looks = new Map<string, number>();
  facts: Facts;
  readonly world: World;

  constructor(world: World, facts: Facts) {
    this.world = world;
    this.facts = facts;
  }

  clone(): State {
    const copy = new State(this.world, this.facts.child());
    copy.slot = this.slot;
    copy.regs = [...this.regs];
    copy.frames = this.frames;
    copy.events = this.events;
    copy.conditions = this.conditions;
    copy.versions = this.versions;
    copy.adds = this.adds;
    copy.looks = new Map(this.looks);
    copy.memories = new Map([...this.memories].map(([name, m]) => [name, copyMemory(m)]));
    return copy;
  }

  assume(condition: Term): void {
    if (condition.op === 'const') return;
    this.conditions = [...this.conditions, condition];
    this.facts.assume(condition);
  }

  register(index: number): Term {
    const value = this.regs[index];
    if (!value) throw new ProofLimit(`r${index} is read before it is set at instruction ${this.slot}`);
    return value;
  }

  memory(region: Region): Memory {
    const known = this.memories.get(region.name);
    if (known) return known;
    const fresh = freshMemory();
    this.memories.set(region.name, fresh);
    return fresh;
  }

  version(region: Region): number {
    return this.versions.get(region.name) ?? 0;
  }

  initial(region: Region): Initial {
    return this.world.initial(region, this.version(region));
  }

  /** That a byte was stored is as good as a look at it: who looks next may find something else. */
  touch(what: string): void {
    if (!this.looks.has(what)) this.looks.set(what, 0);
  }

  look(what: string): void {
    const known = this.looks.get(what);
    this.looks.set(what, known === undefined ? 0 : known + 1);
  }

  /** Records something the outside sees. */
  emit(what: string, args: readonly Term[], effect: Effect): void {
    const { publishes = false, changed = [], plain } = effect;
    const regions = (publishes ? this.world.shared : []).map((region) => ({
      region,
      version: this.version(region),
      memory: copyMemory(this.memory(region)),
    }));
    this.events = [...this.events, { what, args, regions, changed, plain }];
    for (const region of this.world.shared)
      if (changed.includes(region) || (publishes && region.kind === 'stored')) this.#forget(region);
  }

  /** Events so far that the other program has as well: plain atomics may be added. */
  get compared(): number {
    return this.events.filter(({ plain }) => !plain).length;
  }

  /** Of the next event, among those that both programs have; and those so far that only this one has. */
  get place(): { readonly at: number; readonly added: number } {
    const added = this.events.filter(({ plain }) => plain?.isAdded).length;
    return { at: this.events.length - added, added };
  }

  #forget(region: Region): void {
    this.versions = new Map(this.versions).set(region.name, this.version(region) + 1);
    this.memories.set(region.name, freshMemory());
  }
}

const sameList = <T>(a: readonly T[], b: readonly T[]) =>
  a.length === b.length && a.every((x, i) => x === b[i]);

const sameVersions = (a: State, b: State) =>
  a.versions.size === b.versions.size && [...a.versions].every(([name, n]) => b.versions.get(name) === n);

const looksAsOften = (a: State, b: State) =>
  [...a.looks].every(([what, n]) => n === (b.looks.get(what) ?? 0));
const looksAlike = (a: State, b: State) => looksAsOften(a, b) && looksAsOften(b, a);

/** Conditions added after `base`: those that both paths share, and what is left of each. */
const splitConditions = (base: State, a: State, b: State) => {
  const left = new Set(a.conditions.slice(base.conditions.length));
  const right = new Set(b.conditions.slice(base.conditions.length));
  const { algebra } = base.world;
  return {
    shared: [...left].filter((c) => right.has(c)),
    guard: algebra.all([...left].filter((c) => !right.has(c))),
    other: algebra.all([...right].filter((c) => !left.has(c))),
  };
};

const mentionsAddress = (world: World, t: Term): boolean => world.resolve(t) !== undefined;

/** Both states, which split after `base`, as one; undefined when that would lose what a pointer points to. */
export const mergeStates = (base: State, a: State, b: State, live: number): State | undefined => {
  const { world } = base;
  if (a.slot !== b.slot || !sameList(a.events, b.events) || !sameVersions(a, b)) return undefined;
  if (!sameList(a.frames, b.frames) || !looksAlike(a, b)) return undefined;
  const { algebra } = world;
  const { shared, guard, other } = splitConditions(base, a, b);
  const merged = base.clone();
  merged.slot = a.slot;
  merged.frames = a.frames;
  merged.events = a.events;
  merged.versions = a.versions;
  merged.looks = new Map([...a.looks, ...b.looks]);
  for (let r = 0; r <= 10; r++) {
    const x = a.regs[r];
    const y = b.regs[r];
    merged.regs[r] = undefined;
    if (x === y) merged.regs[r] = x;
    else if (r < 10 && (live & (1 << r)) === 0) continue;
    else if (!x || !y || mentionsAddress(world, x) || mentionsAddress(world, y)) return undefined;
    else merged.regs[r] = algebra.ite(guard, x, y);
  }
  merged.memories = new Map();
  for (const name of new Set([...a.memories.keys(), ...b.memories.keys()])) {
    const region = world.regionNamed(name);
    const initial = merged.initial(region);
    merged.memories.set(name, mergeMemory(algebra, guard, a.memory(region), b.memory(region), initial));
  }
  for (const c of shared) merged.assume(c);
  merged.assume(algebra.or(guard, other));
  return merged;
};
