/** Follows every path of a program. Arms of a plain `if` are merged where they meet; branches that close a loop are followed one by one. */
import { type Instruction, slotsOf, targetOf } from '../instruction.ts';
import type { LoadPacket } from '../operation.ts';
import type { Facts } from './facts.ts';
import { Flow } from './flow.ts';
import { callHelper } from './helper.ts';
import { type Adds, mergeStates, State } from './state.ts';
import { condition, execute, packetLoad } from './step.ts';
import { OUT_OF_TIME, ProofLimit, type Term } from './term.ts';
import type { World } from './world.ts';

export type Limits = {
  readonly maxPaths: number;
  readonly maxSteps: number;
  /** Whether the time for the proof is used up. */
  readonly isOver: () => boolean;
};

/** Where exploration pauses so that paths can be merged. */
type Stop = { readonly slot: number; readonly depth: number };

export class Explorer {
  readonly flow: Flow;
  readonly #limits: Limits;
  #finished: State[] = [];
  #steps = 0;

  constructor(instructions: readonly Instruction[], limits: Limits) {
    this.flow = new Flow(instructions);
    this.#limits = limits;
  }

  /** Final states of all paths that are possible under what is already known. */
  run(world: World, conditions: readonly Term[], facts: Facts, adds?: Adds): State[] {
    const start = new State(world, facts);
    if (adds) start.adds = adds;
    start.regs = world.entry();
    start.conditions = conditions;
    this.#finished = [];
    this.#explore(start, undefined);
    return this.#finished;
  }

  #explore(start: State, stop: Stop | undefined): State[] {
    const arrived: State[] = [];
    const pending = [start];
    for (let s = pending.pop(); s; s = pending.pop()) {
      if (stop && s.slot === stop.slot && s.frames.length === stop.depth) arrived.push(s);
      else pending.push(...this.#advance(s));
    }
    return arrived;
  }

  #tick(): void {
    this.#steps++;
    if (this.#steps > this.#limits.maxSteps)
      throw new ProofLimit('the programs execute too many instructions');
    if (this.#steps % 512 === 0 && this.#limits.isOver()) throw new ProofLimit(OUT_OF_TIME);
  }

  #advance(s: State): State[] {
    this.#tick();
    const i = this.flow.bySlot.get(s.slot);
    if (!i) throw new ProofLimit(`control reaches slot ${s.slot}, where no instruction is`);
    switch (i.kind) {
      case 'jump':
        s.slot = targetOf(i, s.slot)!;
        return [s];
      case 'branch':
        return this.#branch(s, i);
      case 'call':
        return i.form === 'helper' ? callHelper(s, i.imm) : [this.#enter(s, i)];
      case 'exit':
        return this.#leave(s);
      case 'ld_packet':
        return this.#loadPacket(s, i);
      default:
        execute(s, i);
        s.slot += slotsOf(i);
        return [s];
    }
  }

  #enter(s: State, i: Instruction & { kind: 'call' }): State {
    if (i.form !== 'local' || s.frames.length >= 7)
      throw new ProofLimit(`the call at ${i.slot} is not understood`);
    s.frames = [...s.frames, { returnTo: s.slot + 1, saved: s.regs.slice(6) }];
    const stack = `stack${s.frames.length}`;
    s.memories.delete(stack);
    for (let r = 6; r <= 9; r++) s.regs[r] = undefined;
    s.regs[0] = undefined;
    s.regs[10] = s.world.base(stack);
    s.slot = targetOf(i, s.slot)!;
    return s;
  }

  /** Outside of the packet the function ends with 0. */
  #loadPacket(s: State, i: LoadPacket): State[] {
    const { algebra } = s.world;
    const { isInside, load } = packetLoad(s, i);
    const known = s.facts.decide(isInside);
    const [inside, outside] = [s.clone(), s.clone()];
    inside.assume(isInside);
    outside.assume(algebra.not(isInside));
    if (known !== false) load(inside);
    inside.slot++;
    outside.regs[0] = algebra.const(0, 64);
    return [...(known === true ? [] : this.#leave(outside)), ...(known === false ? [] : [inside])];
  }

  #leave(s: State): State[] {
    const frame = s.frames.at(-1);
    if (!frame) {
      if (this.#finished.push(s) > this.#limits.maxPaths)
        throw new ProofLimit('the program has too many paths');
      return [];
    }
    s.memories.delete(`stack${s.frames.length}`);
    s.frames = s.frames.slice(0, -1);
    for (let r = 1; r <= 5; r++) s.regs[r] = undefined;
    frame.saved.forEach((value, i) => {
      s.regs[6 + i] = value;
    });
    s.slot = frame.returnTo;
    return [s];
  }

  #branch(s: State, i: Instruction & { kind: 'branch' }): State[] {
    const taken = condition(s, i);
    const decided = s.facts.decide(taken);
    const target = targetOf(i, s.slot)!;
    if (decided !== undefined) {
      s.slot = decided ? target : s.slot + 1;
      return [s];
    }
    const yes = s.clone();
    const no = s.clone();
    yes.assume(taken);
    no.assume(s.world.algebra.not(taken));
    yes.slot = target;
    no.slot = s.slot + 1;
    const stop = this.#meet(s);
    if (!stop || this.flow.closesLoop(s.slot)) return [no, yes];
    return this.#merge(s, [...this.#explore(yes, stop), ...this.#explore(no, stop)]);
  }

  /** Where both ways of a branch meet again: in its function, or behind the call of it. */
  #meet(s: State): Stop | undefined {
    const slot = this.flow.meet(s.slot);
    const depth = s.frames.length;
    if (slot !== undefined) return { slot, depth };
    const frame = s.frames.at(-1);
    return frame && { slot: frame.returnTo, depth: depth - 1 };
  }

  #merge(base: State, arrived: readonly State[]): State[] {
    const merged: State[] = [];
    for (const state of arrived) {
      const last = merged.at(-1);
      const both = last && mergeStates(base, last, state, this.flow.live(state.slot));
      if (both) merged[merged.length - 1] = both;
      else merged.push(state);
    }
    return merged;
  }
}
