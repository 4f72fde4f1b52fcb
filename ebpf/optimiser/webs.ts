/**
 * Webs: each is one value's life in a register, from all its definitions to all their uses. Renaming a web's register keeps the
 * program's meaning as long as no two webs that live at once share one.
 */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { argumentsOf } from './calls.ts';
import { type Code, positionsOf, successors } from './code.ts';
import { liveAfter } from './liveness.ts';

export type Web = number;

class Union {
  readonly #parent: number[] = [];
  make(): number {
    this.#parent.push(this.#parent.length);
    return this.#parent.length - 1;
  }
  find(x: number): number {
    let root = x;
    while (this.#parent[root] !== root) root = this.#parent[root]!;
    for (let at = x; at !== root; ) {
      const next = this.#parent[at]!;
      this.#parent[at] = root;
      at = next;
    }
    return root;
  }
  join(a: number, b: number): void {
    this.#parent[this.find(a)] = this.find(b);
  }
}

const REGISTERS = 11;
const bits = (mask: number): number[] =>
  Array.from({ length: REGISTERS }, (_, r) => r).filter((r) => mask & (1 << r));

/** Registers that the instruction itself names, so that they can't be others. */
const fixedUses = (op: Operation): number => {
  if (op.kind === 'call' || op.kind === 'exit') return registersOf(op).reads;
  return op.kind === 'atomic' && op.op === 'cmpxchg' ? 1 : 0;
};
const fixedDefs = (op: Operation): number => {
  if (op.kind === 'call') return registersOf(op).writes;
  return op.kind === 'atomic' && op.op === 'cmpxchg' ? 1 : 0;
};
/** Registers read and written through one field of the instruction. */
const tied = (op: Operation): number => {
  if (op.kind === 'alu') return op.op === 'mov' ? 0 : 1 << op.dst;
  if (op.kind === 'neg' || op.kind === 'swap') return 1 << op.dst;
  return op.kind === 'atomic' && op.fetch && op.op !== 'cmpxchg' ? 1 << op.src : 0;
};

export class Webs {
  readonly #union = new Union();
  /** Web of each register before each node, where it is live; of each definition. */
  readonly #before: (number | undefined)[][];
  readonly #defined: (number | undefined)[][];
  readonly #entry: number[];
  readonly #code: Code;
  readonly live: readonly number[];
  /** Registers that webs must have. */
  readonly fixed = new Map<Web, number>();
  /** Registers that a web can't have, as a mask, because of what is fixed. */
  readonly #interferes = new Map<Web, Set<Web>>();
  readonly #clobbered = new Map<Web, number>();

  /** @returns undefined for programs with functions of their own */
  static of(code: Code): Webs | undefined {
    if (code.some((n) => n.op.kind === 'callx' || (n.op.kind === 'call' && !argumentsOf(n.op))))
      return undefined;
    return new Webs(code);
  }

  private constructor(code: Code) {
    this.#code = code;
    this.live = liveAfter(code);
    this.#entry = Array.from({ length: REGISTERS }, () => this.#union.make());
    this.#defined = code.map((n) => {
      const { writes } = registersOf(n.op);
      return Array.from({ length: REGISTERS }, (_, r) =>
        writes & (1 << r) ? this.#union.make() : undefined,
      );
    });
    this.#before = code.map(() => Array(REGISTERS).fill(undefined));
    this.#reach();
    this.#tie();
    this.#fix();
    this.#conflict();
  }

  #liveBefore(i: number): number {
    const { reads, writes } = registersOf(this.#code[i]!.op);
    return reads | (this.live[i]! & ~writes);
  }

  #reach(): void {
    const positions = positionsOf(this.#code);
    const enter = (to: number, regs: readonly (number | undefined)[]): boolean => {
      const here = this.#before[to]!;
      let fresh = false;
      for (const r of bits(this.#liveBefore(to))) {
        const x = regs[r];
        if (x === undefined) continue;
        if (here[r] === undefined) {
          here[r] = x;
          fresh = true;
        } else this.#union.join(here[r], x);
      }
      return fresh;
    };
    enter(0, this.#entry);
    const work = [0];
    const seen = new Set<number>();
    for (let i = work.pop(); i !== undefined; i = work.pop()) {
      seen.add(i);
      const after = this.#before[i]!.map((x, r) => this.#defined[i]![r] ?? x);
      for (const to of successors(this.#code, i, positions))
        if (enter(to, after) || !seen.has(to)) work.push(to);
    }
  }

  #tie(): void {
    this.#code.forEach(({ op }, i) => {
      for (const r of bits(tied(op))) {
        const [a, b] = [this.#before[i]![r], this.#defined[i]![r]];
        if (a !== undefined && b !== undefined) this.#union.join(a, b);
      }
    });
  }

  #fix(): void {
    const pin = (x: number | undefined, r: number) => {
      if (x !== undefined) this.fixed.set(this.#union.find(x), r);
    };
    this.#entry.forEach((x, r) => {
      pin(x, r);
    });
    this.#code.forEach(({ op }, i) => {
      for (const r of bits(fixedUses(op))) pin(this.#before[i]![r], r);
      for (const r of bits(fixedDefs(op))) pin(this.#defined[i]![r], r);
    });
  }

  #edge(a: Web, b: Web): void {
    if (a === b) return;
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const set = this.#interferes.get(x) ?? new Set();
      set.add(y);
      this.#interferes.set(x, set);
    }
  }

  /** Webs live after a node, by register. */
  #after(i: number): (Web | undefined)[] {
    const live = this.live[i]!;
    return this.#before[i]!.map((x, r) => {
      const web = this.#defined[i]![r] ?? x;
      return web !== undefined && live & (1 << r) ? this.#union.find(web) : undefined;
    });
  }

  #conflict(): void {
    const entry = this.#before[0]!.map((x) => (x === undefined ? undefined : this.#union.find(x)));
    for (const a of entry) for (const b of entry) if (a !== undefined && b !== undefined) this.#edge(a, b);
    this.#code.forEach(({ op }, i) => {
      const after = this.#after(i);
      const copied = copyOf(op);
      const from = copied && this.#before[i]![copied.src];
      const source = from === undefined ? undefined : this.#union.find(from);
      for (const r of bits(registersOf(op).writes)) {
        const web = this.#union.find(this.#defined[i]![r]!);
        after.forEach((other, at) => {
          if (other === undefined || at === r) return;
          if (op.kind === 'call' && r <= 5)
            this.#clobbered.set(other, (this.#clobbered.get(other) ?? 0) | (1 << r));
          if (other !== source) this.#edge(web, other);
        });
      }
    });
  }

  used(i: number, r: number): Web | undefined {
    const x = this.#before[i]![r];
    return x === undefined ? undefined : this.#union.find(x);
  }

  defined(i: number, r: number): Web | undefined {
    const x = this.#defined[i]![r];
    return x === undefined ? undefined : this.#union.find(x);
  }

  conflicts(a: Web, b: Web): boolean {
    return this.#interferes.get(a)?.has(b) ?? false;
  }

  /** Registers that the two webs as one could have, given the registers of all others. */
  freeFor(a: Web, b: Web, registerOf: ReadonlyMap<Web, number>): number[] {
    let busy = (this.#clobbered.get(a) ?? 0) | (this.#clobbered.get(b) ?? 0);
    for (const w of [a, b])
      for (const other of this.#interferes.get(w) ?? [])
        if (other !== a && other !== b) busy |= 1 << (registerOf.get(other) ?? 0);
    const wanted = [this.fixed.get(a), this.fixed.get(b)].filter((x) => x !== undefined);
    const free = bits(~busy & 0x3ff);
    return free.filter((r) => wanted.every((w) => w === r));
  }

  /**
   * The one register that two webs must have, and the webs that hold it in their way: others may be found for these. Undefined
   * where no register is wanted, or none can be had.
   */
  inTheWay(
    a: Web,
    b: Web,
    registerOf: ReadonlyMap<Web, number>,
  ): { readonly wanted: number; readonly holders: readonly Web[] } | undefined {
    const [x, y] = [this.fixed.get(a), this.fixed.get(b)];
    const wanted = x ?? y;
    if (wanted === undefined || (x !== undefined && y !== undefined && x !== y)) return undefined;
    const clobbered = (this.#clobbered.get(a) ?? 0) | (this.#clobbered.get(b) ?? 0);
    if (clobbered & (1 << wanted)) return undefined;
    const near = [...(this.#interferes.get(a) ?? []), ...(this.#interferes.get(b) ?? [])];
    const holders = [...new Set(near)].filter((w) => w !== a && w !== b && registerOf.get(w) === wanted);
    return holders.some((w) => this.fixed.has(w)) ? undefined : { wanted, holders };
  }

  /** Makes one web of two that do not conflict; what either of them conflicts with, the one does. */
  merge(a: Web, b: Web): Web {
    this.#union.join(a, b);
    const web = this.#union.find(a);
    const gone = web === a ? b : a;
    for (const other of this.#interferes.get(gone) ?? []) {
      this.#interferes.get(other)?.delete(gone);
      this.#edge(web, other);
    }
    this.#interferes.delete(gone);
    this.#clobbered.set(web, (this.#clobbered.get(a) ?? 0) | (this.#clobbered.get(b) ?? 0));
    const fixed = this.fixed.get(a) ?? this.fixed.get(b);
    if (fixed !== undefined) this.fixed.set(web, fixed);
    return web;
  }

  /** Register of each web. */
  registers(): Map<Web, number> {
    const out = new Map<Web, number>();
    this.#code.forEach((_, i) => {
      for (let r = 0; r < REGISTERS; r++) {
        const [a, b] = [this.used(i, r), this.defined(i, r)];
        if (a !== undefined) out.set(a, r);
        if (b !== undefined) out.set(b, r);
      }
    });
    return out;
  }
}

/** A plain copy between registers. */
export const copyOf = (op: Operation): { readonly dst: number; readonly src: number } | undefined =>
  op.kind === 'alu' && op.op === 'mov' && op.width === 64 && op.src.kind === 'reg'
    ? { dst: op.dst, src: op.src.reg }
    : undefined;
