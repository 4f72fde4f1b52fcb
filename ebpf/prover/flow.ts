/** Control flow of a decoded program: where each branch's arms meet again, which branches close loops, which registers are live. */
import { helpers, vectors } from '../../abi/index.ts';
import { type Instruction, type Operand, type Operation, slotsOf, targetOf } from '../instruction.ts';

const bit = (r: number) => 1 << r;
/** Argument registers of each helper. */
const helperReads: ReadonlyMap<number, number> = new Map(
  [
    ...Object.values(helpers).map((h) => [h.id, h.args.length] as const),
    ...Object.values(vectors).map((v) => [v.id, Object.keys(v.args).length] as const),
  ].map(([id, count]) => [id, ((1 << count) - 1) << 1]),
);
const operand = (o: Operand) => (o.kind === 'reg' ? bit(o.reg) : 0);

/** Registers an instruction reads and writes, as bit masks. */
export const registersOf = (i: Operation): { readonly reads: number; readonly writes: number } => {
  switch (i.kind) {
    case 'alu':
      return { reads: operand(i.src) | (i.op === 'mov' ? 0 : bit(i.dst)), writes: bit(i.dst) };
    case 'neg':
    case 'swap':
      return { reads: bit(i.dst), writes: bit(i.dst) };
    case 'movsx':
    case 'load':
      return { reads: bit(i.src), writes: bit(i.dst) };
    case 'store':
      return { reads: bit(i.dst) | operand(i.src), writes: 0 };
    case 'atomic': {
      const old = i.op === 'cmpxchg' ? 1 : bit(i.src);
      const reads = bit(i.dst) | bit(i.src) | (i.op === 'cmpxchg' ? 1 : 0);
      return { reads, writes: i.fetch ? old : 0 };
    }
    case 'branch':
      return { reads: bit(i.dst) | operand(i.src), writes: 0 };
    case 'call':
      return {
        reads: i.form === 'helper' ? (helperReads.get(i.imm) ?? 0b111110) : 0b111110,
        writes: 0b111111,
      };
    case 'callx':
      return { reads: 0b111110 | bit(i.dst), writes: 0b111111 };
    case 'exit':
      return { reads: 1, writes: 0 };
    case 'ld_imm64':
      return { reads: 0, writes: bit(i.dst) };
    case 'ld_packet':
      return { reads: bit(6) | (i.src === null ? 0 : bit(i.src)), writes: 0b111111 };
    default:
      return { reads: i.kind === 'jump' ? 0 : 0b11111111111, writes: 0 };
  }
};

export class Flow {
  readonly bySlot = new Map<number, Instruction>();
  readonly #order: readonly Instruction[];
  readonly #meet = new Map<number, number>();
  readonly #live = new Map<number, number>();
  readonly #loops = new Map<number, boolean>();

  constructor(instructions: readonly Instruction[]) {
    this.#order = instructions;
    for (const i of instructions) this.bySlot.set(i.slot, i);
    this.#findLive();
    this.#findMeets();
  }

  /** Slots control may go to next, inside the same function. */
  successors(i: Instruction): number[] {
    const next = i.slot + slotsOf(i);
    if (i.kind === 'exit') return [];
    if (i.kind === 'jump') return [targetOf(i, i.slot)!];
    return i.kind === 'branch' ? [next, targetOf(i, i.slot)!] : [next];
  }

  /** The first slot that every way from this branch passes; undefined when that is only the end. */
  meet(slot: number): number | undefined {
    return this.#meet.get(slot);
  }

  /** Registers that may be read before they are written, from this slot on. r6..r9 are taken as read at exit of an inner function by its frame, not here. */
  live(slot: number): number {
    return this.#live.get(slot) ?? 0;
  }

  /** A function is given what it reads, not every register that may hold an argument. */
  #reads(i: Instruction): number {
    const { reads } = registersOf(i);
    const callee = i.kind === 'call' ? targetOf(i, i.slot) : undefined;
    return callee === undefined ? reads : reads & this.live(callee);
  }

  #findLive(): void {
    let changed = true;
    while (changed) {
      changed = false;
      for (const i of [...this.#order].reverse()) {
        const { writes } = registersOf(i);
        const reads = this.#reads(i);
        let out = 0;
        for (const s of this.successors(i)) out |= this.live(s);
        const live = reads | (out & ~writes);
        if (live === this.#live.get(i.slot)) continue;
        this.#live.set(i.slot, live);
        changed = true;
      }
    }
  }

  /** Immediate post-dominators, by the algorithm of Cooper, Harvey and Kennedy on the reversed graph. */
  #findMeets(): void {
    const EXIT = -1;
    const postorder = this.#reversePostorder();
    const number = new Map(postorder.map((slot, i) => [slot, i]));
    number.set(EXIT, -1);
    const idom = new Map<number, number>([[EXIT, EXIT]]);
    const common = (a: number, b: number): number => {
      let x = a;
      let y = b;
      while (x !== y) {
        while (number.get(x)! > number.get(y)!) x = idom.get(x)!;
        while (number.get(y)! > number.get(x)!) y = idom.get(y)!;
      }
      return x;
    };
    let changed = true;
    while (changed) {
      changed = false;
      for (const slot of postorder) {
        const i = this.bySlot.get(slot)!;
        const next = i.kind === 'exit' ? [EXIT] : this.successors(i);
        const known = next.filter((s) => idom.has(s));
        if (known.length === 0) continue;
        const meet = known.reduce(common);
        if (idom.get(slot) === meet) continue;
        idom.set(slot, meet);
        changed = true;
      }
    }
    for (const [slot, meet] of idom) if (meet !== EXIT) this.#meet.set(slot, meet);
  }

  /** Slots from which an end can be reached, nearest the end first. */
  #reversePostorder(): number[] {
    const before = new Map<number, number[]>();
    for (const i of this.#order)
      for (const s of this.successors(i)) before.set(s, [...(before.get(s) ?? []), i.slot]);
    const seen = new Set<number>();
    const order: number[] = [];
    for (const exit of this.#order.filter((i) => i.kind === 'exit')) {
      const stack: { slot: number; next: number }[] = [{ slot: exit.slot, next: 0 }];
      seen.add(exit.slot);
      while (stack.length > 0) {
        const top = stack.at(-1)!;
        const predecessor = (before.get(top.slot) ?? [])[top.next++];
        if (predecessor === undefined) {
          order.push(top.slot);
          stack.pop();
        } else if (!seen.has(predecessor)) {
          seen.add(predecessor);
          stack.push({ slot: predecessor, next: 0 });
        }
      }
    }
    return order.reverse();
  }

  /** True when control can come back to this branch before it reaches the branch's meeting point. */
  closesLoop(slot: number): boolean {
    const known = this.#loops.get(slot);
    if (known !== undefined) return known;
    const stop = this.meet(slot);
    const seen = new Set<number>();
    const stack = this.successors(this.bySlot.get(slot)!);
    let found = false;
    while (stack.length > 0 && !found) {
      const s = stack.pop()!;
      if (s === stop || seen.has(s)) continue;
      found = s === slot;
      seen.add(s);
      const i = this.bySlot.get(s);
      if (i) stack.push(...this.successors(i));
    }
    this.#loops.set(slot, found);
    return found;
  }
}
