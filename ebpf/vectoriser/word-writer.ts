/** Writes what is done to elements eight bytes at a time: in a line where that is short, else in turns of four words. */
import type { Operand } from '../instruction.ts';
import { type Code, type Node, nodeOf } from '../optimiser/code.ts';
import { NoPlace } from './frame.ts';
import { alu, immediate, NOWHERE, outcomeNodes, register } from './outcome.ts';
import type { Outcome } from './plan.ts';
import type { Value } from './value.ts';

export type Operator = 'or' | 'xor' | 'and';

/** What is done to an element: a load of one side, the same number for all, or two of these together. */
export type Lanes =
  | { readonly kind: 'load'; readonly side: number }
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'both'; readonly op: Operator; readonly a: Lanes; readonly b: Lanes };

export type Work = {
  /** Where each side begins. */
  readonly places: readonly Value[];
  readonly bytes: number;
  /** Bytes of an element. */
  readonly size: number;
  /** Registers that hold what is needed here or behind the loop. */
  readonly needed: readonly number[];
};

export type Gathering = {
  readonly op: Operator;
  /** A number, or the register that holds what it starts with. */
  readonly start: bigint | number;
  readonly width: 32 | 64;
  /** What it starts with is cut to as many bits as an element has. */
  readonly isCut: boolean;
};

type Size = 1 | 2 | 4 | 8;
/** Bytes next to each other, from the beginning of a side. */
type Piece = { readonly at: number; readonly size: Size };
type Pointer = { readonly register: number; readonly off: number };

/** Words in a line; more are done in turns. */
const MAX_LINE = 8;
const WORDS_A_TURN = 4;

const fits16 = (off: number) => off >= -0x8000 && off <= 0x7fff;
const piecesOf = (from: number, to: number): Piece[] => {
  const pieces: Piece[] = [];
  for (let at = from; at < to; at += pieces.at(-1)!.size) {
    const size = ([8, 4, 2, 1] as const).find((s) => at + s <= to)!;
    pieces.push({ at, size });
  }
  return pieces;
};

export class WordWriter {
  readonly #out: Node[] = [];
  readonly #work: Work;
  readonly #free: number[];
  readonly #turns: number;
  readonly #pointers: Pointer[];

  /** @throws NoPlace where nothing is loaded */
  constructor(work: Work) {
    if (work.size === 0) throw new NoPlace();
    this.#work = work;
    this.#free = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((r) => !work.needed.includes(r));
    const words = Math.floor(work.bytes / 8);
    this.#turns = words > MAX_LINE ? Math.floor(words / WORDS_A_TURN) : 1;
    this.#pointers = this.#pointersTo(work.places);
  }

  #taken(): number {
    const free = this.#free.shift();
    if (free === undefined) throw new NoPlace();
    return free;
  }

  #alu(op: 'mov' | 'add' | 'rsh' | Operator, dst: number, src: Operand, width: 32 | 64 = 64): void {
    this.#out.push(alu(op, dst, src, width));
  }

  /** Sides that begin at one register are read by it, or by one copy of it that moves. */
  #pointersTo(places: readonly Value[]): Pointer[] {
    const made = new Map<string, number>();
    return places.map(({ constant, terms }) => {
      const off = Number(constant);
      const key = terms.map(({ atom }) => atom.id).join();
      const registers = terms.map(({ atom, by }) => (atom.kind === 'reg' && by === 1n ? atom.reg : NOWHERE));
      if (registers.includes(NOWHERE) || registers.length === 0 || !fits16(off + this.#work.bytes))
        throw new NoPlace();
      const [first, ...others] = registers as [number, ...number[]];
      if (others.length === 0 && this.#turns === 1) return { register: first, off };
      const pointer = made.get(key) ?? this.#taken();
      if (!made.has(key)) this.#alu('mov', pointer, register(first));
      if (!made.has(key)) for (const other of others) this.#alu('add', pointer, register(other));
      made.set(key, pointer);
      return { register: pointer, off };
    });
  }

  #repeated(value: bigint, size: Size): bigint {
    let out = 0n;
    for (let at = 0; at < size; at += this.#work.size)
      out |= BigInt.asUintN(8 * this.#work.size, value) << BigInt(8 * at);
    return BigInt.asIntN(64, out);
  }

  #put(dst: number, lanes: Lanes, { at, size }: Piece): void {
    if (lanes.kind === 'load') {
      const { register: src, off } = this.#pointers[lanes.side]!;
      this.#out.push(nodeOf({ kind: 'load', size, signed: false, dst, src, off: off + at }));
    } else if (lanes.kind === 'constant') {
      const value = this.#repeated(lanes.value, size);
      if (value === BigInt.asIntN(32, value)) this.#alu('mov', dst, immediate(value));
      else this.#out.push(nodeOf({ kind: 'ld_imm64', form: 'number', dst, imm: BigInt.asUintN(64, value) }));
    } else {
      this.#put(dst, lanes.a, { at, size });
      const other = this.#taken();
      this.#put(other, lanes.b, { at, size });
      this.#alu(lanes.op, dst, register(other));
      this.#free.unshift(other);
    }
  }

  /** Does `each` to all pieces, in turns where they are many. */
  #over(each: (piece: Piece) => void): void {
    const { bytes } = this.#work;
    if (this.#turns === 1) {
      for (const piece of piecesOf(0, bytes)) each(piece);
      return;
    }
    const counter = this.#taken();
    const by = 8 * WORDS_A_TURN;
    this.#alu('mov', counter, immediate(BigInt(this.#turns)));
    const start = this.#out.length;
    for (const piece of piecesOf(0, by)) each(piece);
    for (const pointer of new Set(this.#pointers.map((p) => p.register)))
      this.#alu('add', pointer, immediate(BigInt(by)));
    this.#alu('add', counter, immediate(-1n));
    const again = { kind: 'branch', width: 64, op: 'jne', dst: counter, src: immediate(0n), off: 0 } as const;
    this.#out.push(nodeOf(again, this.#out[start]!));
    this.#free.unshift(counter);
    for (const piece of piecesOf(0, bytes - by * this.#turns)) each(piece);
  }

  /** Where two sides differ it goes on to the second outcome, else to the first one. */
  compared([a, b]: readonly Lanes[], [same, differs]: readonly Outcome[], code: Code): Node[] {
    const [x, y] = [this.#taken(), this.#taken()];
    const tests: Node[] = [];
    this.#over((piece) => {
      this.#put(x, a!, piece);
      this.#put(y, b!, piece);
      const test = { kind: 'branch', width: 64, op: 'jne', dst: x, src: register(y), off: 0 } as const;
      tests.push(nodeOf(test));
      this.#out.push(tests.at(-1)!);
    });
    this.#out.push(...outcomeNodes(same!, code));
    const rest = this.#out.length;
    this.#out.push(...outcomeNodes(differs!, code));
    for (const test of tests) test.target = this.#out[rest];
    return this.#out;
  }

  /** To as many bits as an element has. */
  #cut(dst: number): void {
    const { size } = this.#work;
    if (size < 4) this.#alu('and', dst, immediate((1n << BigInt(8 * size)) - 1n));
    else if (size === 4) this.#alu('mov', dst, register(dst), 32);
  }

  /** What is done to all elements, brought together with what there was before. */
  gathered(lanes: Lanes, { op, start, width, isCut }: Gathering, outcome: Outcome, code: Code): Node[] {
    const { bytes, size } = this.#work;
    if (op === 'and' && bytes % 8 !== 0) throw new NoPlace();
    const [all, one] = [this.#taken(), this.#taken()];
    if (op !== 'and' && this.#turns > 1) this.#alu('mov', all, immediate(0n));
    if (op === 'and' && this.#turns > 1) this.#alu('mov', all, immediate(-1n));
    let isFirst = this.#turns === 1;
    this.#over((piece) => {
      this.#put(isFirst ? all : one, lanes, piece);
      if (!isFirst) this.#alu(op, all, register(one));
      isFirst = false;
    });
    for (let half = 32; half >= 8 * size; half /= 2) {
      this.#alu('mov', one, register(all));
      this.#alu('rsh', one, immediate(BigInt(half)));
      this.#alu(op, all, register(one));
    }
    if (!isCut) this.#cut(all);
    const neutral = op === 'and' ? BigInt.asUintN(width, -1n) : 0n;
    if (typeof start === 'number') this.#alu(op, all, register(start), width);
    else if (BigInt.asUintN(width, start) !== neutral)
      this.#alu(op, all, immediate(BigInt.asIntN(32, start)), width);
    if (isCut) this.#cut(all);
    this.#out.push(...outcomeNodes(outcome, code, all));
    return this.#out;
  }
}
