/**
 * What both programs share: the inputs of their hook, the contents of maps, and the results of helper calls, as terms.
 * A base address is a free variable, so that a pointer is just base + offset; the solver may place regions anywhere.
 */
import {
  bpf,
  type ContextField,
  helpers,
  hooks,
  MAP_FLAG_READ_ONLY,
  mapTypes,
  UART_LINE_BYTES,
} from '../../abi/index.ts';
import type { MapFacts } from '../optimiser/rule.ts';
import { Algebra } from './algebra.ts';
import { ChosenReads } from './choices.ts';
import { type Below, type Initial, MemoryNumbers } from './memory.ts';
import { ProofLimit, type Term } from './term.ts';

export type HookName = keyof typeof hooks;

export type MapShape = MapFacts & { readonly name: string };

export type Setting = {
  readonly hook: HookName;
  readonly maps: readonly MapShape[];
  /** Hook `run`: bytes at r1, also the value of r2. */
  readonly memorySize?: number | undefined;
};

/** Longest frame that a packet module is given, in bytes (messages.inject). */
export const MAX_FRAME_BYTES = 2048n;

export type Region = {
  readonly name: string;
  /** `stored` goes with a map: 1 for each byte of it that was written since others last looked, 0 for any other. */
  readonly kind: 'context' | 'packet' | 'memory' | 'map' | 'stack' | 'stored';
  readonly base: Term;
  /** Index of the map, for kind `map`. */
  readonly map: number;
  /** Bytes, where they are known. */
  readonly size: number | undefined;
};

type PlacedField = ContextField & { readonly offset: number; readonly size: number };

const placeFields = (hook: HookName): PlacedField[] => {
  let at = 0;
  return (hooks[hook].context as readonly ContextField[]).map((field) => {
    const size = field.type === 'u64' ? 8 : 4;
    at = Math.ceil(at / size) * size;
    const placed = { ...field, offset: at, size };
    at += size;
    return placed;
  });
};

export class World {
  readonly algebra = new Algebra();
  readonly setting: Setting;
  /**
   * Whether an atomic whose old value is dropped is something to compare: not where the old program has no atomics at all, since
   * the new one may do at once what the old one does in steps.
   */
  plainAtomicsAreEvents = true;
  /** Whether something was read that stands for more contents than there can be. */
  hasUnknown = false;
  readonly #writesAreUnknown: boolean;
  readonly #numbers = new MemoryNumbers();
  readonly #reads = new Map<string, ChosenReads>();
  /** Values that were stored on the stack, by their lowest byte: put together again from bytes, a pointer has no region. */
  readonly spilled = new Map<Term, Term[]>();
  readonly #regions = new Map<Term, Region>();
  /** What other cores, programs and the host see as well. */
  readonly shared: readonly Region[];
  readonly #fields: readonly PlacedField[];

  /**
   * @param writesAreUnknown what is read where something was written at an unknown offset is taken as unknown, but the same for
   * memories built alike: with that, `unsat` still means that no input shows a difference, and `sat` means nothing.
   */
  constructor(setting: Setting, writesAreUnknown = false) {
    this.setting = setting;
    this.#writesAreUnknown = writesAreUnknown;
    this.#fields = placeFields(setting.hook);
    this.#region('context', 'context', -1, undefined);
    this.#region('packet', 'packet', -1, undefined);
    this.#region('memory', 'memory', -1, setting.memorySize);
    setting.maps.forEach((m, i) => {
      this.#region(`map${i}`, 'map', i, m.type === mapTypes.hash ? undefined : m.maxEntries * this.stride(i));
      this.#region(`map${i}.stored`, 'stored', i, undefined);
    });
    this.shared = [...this.#regions.values()].filter(({ kind }) => kind === 'map' || kind === 'stored');
    for (let depth = 0; depth < 8; depth++) this.#region(`stack${depth}`, 'stack', -1, bpf.STACK_BYTES);
  }

  rememberSpilled(lowest: Term, value: Term): void {
    const known = this.spilled.get(lowest) ?? [];
    if (!known.includes(value)) this.spilled.set(lowest, [...known, value]);
  }

  #region(name: string, kind: Region['kind'], map: number, size: number | undefined): void {
    const base = this.algebra.variable(`${name}.address`, 64);
    this.#regions.set(base, { name, kind, base, map, size });
  }

  base(name: string): Term {
    return this.algebra.variable(`${name}.address`, 64);
  }

  regionAt(base: Term): Region | undefined {
    return this.#regions.get(base);
  }

  /** What tells which bytes of a map were written; undefined for memory that nobody else sees. */
  storedIn({ kind, name }: Region): Region | undefined {
    return kind === 'map' ? this.regionNamed(`${name}.stored`) : undefined;
  }

  regionNamed(name: string): Region {
    return this.#regions.get(this.base(name))!;
  }

  /** A pointer's region and offset, when the term is plainly one base address plus something. */
  resolve(address: Term): { region: Region; offset: Term } | undefined {
    const direct = this.#regions.get(address);
    if (direct) return { region: direct, offset: this.algebra.const(0, 64) };
    if (address.op !== 'sum') return undefined;
    const bases = address.args.filter((a) => this.#regions.has(a));
    const [base] = bases;
    if (bases.length !== 1 || address.coefficients[address.args.indexOf(base!)] !== 1n) return undefined;
    return { region: this.#regions.get(base!)!, offset: this.algebra.sub(address, base!) };
  }

  /** Registers at entry. */
  entry(): (Term | undefined)[] {
    const regs: (Term | undefined)[] = Array(11).fill(undefined);
    const { hook, memorySize, maps } = this.setting;
    if (new Set(maps.map((m) => m.name)).size !== maps.length)
      throw new ProofLimit('two maps have the same name, so they are one map on the board');
    if (hook === 'run' && memorySize === undefined)
      throw new ProofLimit('the size of the memory at r1 is not given');
    regs[1] = this.base(hook === 'run' ? 'memory' : 'context');
    if (hook === 'run') regs[2] = this.algebra.const(memorySize!, 64);
    regs[10] = this.base('stack0');
    return regs;
  }

  /** Length of the frame, 0..2048, or the room of a line. */
  length(): Term {
    if (this.setting.hook === 'uart_line') return this.algebra.const(UART_LINE_BYTES, 16);
    return this.algebra.variable('packet.length', 16, MAX_FRAME_BYTES);
  }

  context(offset: Term, size: number): Term {
    const field = this.#fields.find((f) => offset.op === 'const' && BigInt(f.offset) === offset.value);
    if (!field || field.size !== size) throw new ProofLimit('reads the context other than field by field');
    if (field.holds === 'packet') return this.base('packet');
    const length = this.algebra.zext(this.length(), 64);
    if (field.holds === 'packet_end') return this.algebra.add(this.base('packet'), length);
    if (this.setting.hook === 'packet' && field.name === 'len') return this.algebra.extract(length, 31, 0);
    return this.algebra.variable(`context.${field.name}`, size * 8);
  }

  /** Stands for the first contents of a region after so many changes by helpers. */
  contentsName(region: Region, version: number): string {
    return version === 0 ? region.name : `${region.name}@${version}`;
  }

  /** First contents of a region; `version` counts what helpers may have changed in it. */
  initial(region: Region, version: number): Initial {
    if (region.kind === 'context') return { byte: () => undefined };
    if (region.kind === 'stored') return { byte: () => this.algebra.const(0, 8) };
    // The verifier has seen that nobody reads these: they are what is left over of choices between what was written.
    if (region.kind === 'stack') {
      const unwritten = this.#first(`${region.name}.unwritten`);
      return { byte: (offset) => unwritten.byte(offset), isNeverRead: true };
    }
    const constants = region.kind === 'map' ? this.#constants(region.map) : undefined;
    const name = this.contentsName(region, version);
    const unknown = (below: Below): string => {
      this.hasUnknown = true;
      return `${name} after ${this.#numbers.of(below)}`;
    };
    return {
      byte: (offset) => constants?.(offset) ?? this.#first(name).byte(offset),
      unknown: this.#writesAreUnknown ? unknown : undefined,
    };
  }

  /**
   * Where writes are left unknown, a free variable in place of a large term, the same one for the same term: a solver asked of what
   * lies around it need not look into it.
   */
  leftOpen(what: string, t: Term): Term {
    if (!this.#writesAreUnknown || t.args.length === 0) return t;
    this.hasUnknown = true;
    return this.algebra.variable(`${what} of ${t.id}`, t.width, t.max);
  }

  /** What a region holds at first, by its name. */
  #first(name: string): ChosenReads {
    const known =
      this.#reads.get(name) ?? new ChosenReads(this.algebra, (at) => this.algebra.select(name, at, 8));
    this.#reads.set(name, known);
    return known;
  }

  /** Contents of a map that nobody can change: entry 0 of a read-only array. */
  #constants(map: number): ((offset: Term) => Term | undefined) | undefined {
    const { init, flags, type } = this.setting.maps[map]!;
    if (!init || (flags & MAP_FLAG_READ_ONLY) === 0 || type !== mapTypes.array) return undefined;
    return (offset) => {
      if (offset.op === 'const') {
        const byte = init[Number(offset.value)];
        return byte === undefined ? undefined : this.algebra.const(byte, 8);
      }
      if (init.length > 256) return undefined;
      let value: Term = this.algebra.select(`map${map}`, offset, 8);
      init.forEach((byte, at) => {
        const here = this.algebra.eq(offset, this.algebra.const(at, 64));
        value = this.algebra.ite(here, this.algebra.const(byte, 8), value);
      });
      return value;
    };
  }

  /** Distance of the values of an array map, in bytes: the value size rounded up to 8. */
  stride(map: number): number {
    return Math.ceil(this.setting.maps[map]!.valueSize / 8) * 8;
  }

  /** Where the value for this key is, and whether there is one, in the map as it is after `version` changes. */
  lookup(map: number, key: Term, version: number): { present: Term; address: Term } {
    const a = this.algebra;
    const shape = this.setting.maps[map]!;
    const base = this.base(`map${map}`);
    if (shape.type === mapTypes.array || shape.type === mapTypes.percpu_array) {
      const index = a.zext(a.extract(key, 31, 0), 64);
      const present = a.ult(index, a.const(shape.maxEntries, 64));
      return { present, address: a.add(base, a.mul(index, a.const(this.stride(map), 64))) };
    }
    if (shape.type !== mapTypes.hash) throw new ProofLimit(`map type ${shape.type} is not understood`);
    const slot = a.select(`map${map}@${version}.slot`, key, 32);
    const bits = Math.ceil(Math.log2(Math.max(8, shape.valueSize)));
    const offset = a.shl(a.zext(slot, 64), a.const(bits, 64));
    return { present: a.select(`map${map}@${version}.present`, key, 1), address: a.add(base, offset) };
  }
}

export const helperNames: ReadonlyMap<number, keyof typeof helpers> = new Map(
  Object.entries(helpers).map(([name, h]) => [h.id, name as keyof typeof helpers]),
);
