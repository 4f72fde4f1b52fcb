/**
 * What calls of vector helpers execute, in A64 instructions. Of code in their place this is counted in the code itself; of the
 * kernel's routines it was measured on a board (`velocity bench --vectors`), at some counts; for those between it is made of these.
 */
import { VECTOR_ID_FIRST, vectors } from '../../abi/index.ts';
import { decodeProgram } from '../instruction.ts';
import { routines } from '../vector-costs.ts';

/** A call as it ran: its counts, 0 where it takes none; of a search, bytes that it looked at by 64, then by 16. */
export type VectorCall = {
  readonly slot: number;
  readonly id: number;
  readonly first: number;
  readonly second: number;
};

/** What the JIT made of a call. */
export type VectorCode = {
  /** A64 instructions that execute in the program itself. */
  readonly insns: number;
  /** Whether it calls the routine. */
  readonly calls: boolean;
};

type Compiled = {
  readonly words: Uint32Array;
  readonly insnOfWord: readonly (number | undefined)[];
  readonly turnsOfInsn: readonly number[];
};

const nameOf = new Map(Object.entries(vectors).map(([name, { id }]) => [id, name]));

/** DDI 0487 C6.2: BL and BLR; B.cond with its distance in bits 23..5; MOVZ to w16. */
const isCall = (word: number) => word >>> 26 === 0x25 || (word & 0xfffffc1f) >>> 0 === 0xd63f0000;
const distanceBack = (word: number) => (word >>> 24 === 0x54 ? Math.max(0, -((word << 8) >> 13)) : 0);
const isTurns = (word: number | undefined) => word !== undefined && (word & 0xffe0001f) >>> 0 === 0x52800010;
const turnsIn = (word: number) => (word >>> 5) & 0xffff;

/** Code of a helper is a line with loops in it, each turning as often as x16 says before it (jit/vector_emit.c, begin_turns). */
const executedIn = (words: readonly number[]): number => {
  const times = words.map(() => 1);
  for (const [i, word] of words.entries()) {
    const head = i - distanceBack(word);
    const turns = words[head - 1];
    if (head < i && isTurns(turns)) times.fill(turnsIn(turns!), head, i + 1);
  }
  return times.reduce((sum, n) => sum + n, 0);
};

/** Slots that call a vector helper. */
export const vectorSlots = (code: Uint8Array): ReadonlyMap<number, number> =>
  new Map(
    decodeProgram(code).flatMap((i) =>
      i.kind === 'call' && i.form === 'helper' && i.imm >= VECTOR_ID_FIRST ? [[i.slot, i.imm] as const] : [],
    ),
  );

/** By slot. */
export const vectorCodeOf = (
  code: Uint8Array,
  { words, insnOfWord, turnsOfInsn }: Compiled,
): Map<number, VectorCode> => {
  const made = new Map<number, VectorCode>();
  for (const slot of vectorSlots(code).keys()) {
    const own = [...words].filter((_, at) => insnOfWord[at] === slot);
    made.set(slot, { insns: executedIn(own) / (turnsOfInsn[slot] || 1), calls: own.some(isCall) });
  }
  return made;
};

/** On the line through the two neighbours among `at`, or the last two. */
const between = (at: readonly number[], value: (i: number) => number, x: number): number => {
  if (at.length < 2) return value(0);
  const above = at.findIndex((n) => n >= x);
  const high = above < 0 ? at.length - 1 : Math.max(above, 1);
  const [from, to] = [at[high - 1]!, at[high]!];
  return value(high - 1) + ((value(high) - value(high - 1)) * (x - from)) / (to - from);
};

type Line = (n: number) => number;

const lineOf =
  (first: readonly number[], row: readonly number[]): Line =>
  (n) =>
    between(first, (i) => row[i]!, n);

/** As a routine goes that does 64 at a time, then 16, then what is left; `around` is what it executes besides. */
const piecesOf = (line: Line): Line => {
  const around = 2 * line(16) - line(32);
  const piece = (n: number) => (n === 0 ? 0 : line(n) - around);
  return (n) => around + piece(n - (n % 64)) + piece((n % 64) - (n % 16)) + piece(n % 16);
};

/** Where pieces come as near as this to all that was measured, sizes between are taken as pieces, too; else as on the line. */
const NEAR = 12;

const byCount = (first: readonly number[], row: readonly number[]): Line => {
  const line = lineOf(first, row);
  const pieces = piecesOf(line);
  const fits = first.every((n, i) => n === 0 || Math.abs(pieces(n) - row[i]!) <= NEAR);
  return (n) => (fits && !first.includes(n) ? pieces(n) : line(n));
};

const rowsOf = new Map(
  Object.entries(routines).map(([name, { first, second, executed }]) => [
    name,
    { second, rows: executed.map((row) => byCount(first, row)) },
  ]),
);

const routineInsns = (name: string, a: number, b: number): number => {
  const { second, rows } = rowsOf.get(name)!;
  return between(second, (k) => rows[k]!(a), b);
};

const isSearch = (name: string) => ['place', 'difference'].includes(vectors[name]!.returns);

/** Fewer bytes than 64 are looked at by 16: as many more as that costs more than none. */
const calledInsns = ({ id, first, second }: VectorCall): number => {
  const name = nameOf.get(id)!;
  const insns = (a: number, b: number) => routineInsns(name, a, b);
  return isSearch(name)
    ? insns(first, 0) + insns(Math.min(second, 63), 0) - insns(0, 0)
    : insns(first, second);
};

/** @param code of the slot; absent where the program was not compiled: then the routine is taken to be called */
export const vectorPrice = (call: VectorCall, code: VectorCode = { insns: 1, calls: true }): number =>
  code.insns + (code.calls ? calledInsns(call) : 0);
