/**
 * Superoptimisation of one window: fewer instructions that do the same to every register that is read behind it. Enumerated over
 * the window's registers, constants and loads, on random inputs that keep to what the verifier knows. What survives is a guess.
 */
import type { AluOp, Operand } from '../../ebpf/instruction.ts';
import { calculate } from '../../ebpf/optimiser/constants.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';
import type { PlacedWindow, PlainOperation } from '../../models/index.ts';

/** Values of r0 to r10 on each input. */
type Registers = readonly bigint[];
type States = readonly Registers[];

export type SearchWindow = Pick<PlacedWindow, 'operations' | 'liveOut'> & {
  /** Bit mask of registers whose upper half is zero before it. */
  readonly narrow: number;
};

const INPUTS = 12;
/** Inputs that what agrees on those must agree on, too: a sum of two words carries out of them in few of the first ones. */
const MORE_INPUTS = 192;
/** First instructions that are followed, of those that lead to different states. */
const MAX_FIRST = 1500;
const ALU: readonly AluOp[] = ['mov', 'add', 'sub', 'and', 'or', 'xor', 'lsh', 'rsh', 'arsh', 'mul'];

const wide = (value: bigint) => BigInt.asUintN(64, value);

/** xorshift32 */
const sequence = (seed: number) => {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
};

const EDGES = [0n, 1n, 0xffn, 0x80n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 63n, (1n << 64n) - 1n];

const inputs = (narrow: number, count: number): States => {
  const next = sequence(0x2f6e2b1);
  return Array.from({ length: count }, (_, n) =>
    Array.from({ length: 11 }, (_, r) => {
      const whole = (BigInt(next()) << 32n) | BigInt(next());
      const value = n > 2 && next() % 3 === 0 ? EDGES[next() % EDGES.length]! : whole >> BigInt(next() % 40);
      return narrow & (1 << r) ? BigInt.asUintN(32, value) : value;
    }),
  );
};

const swapped = (value: bigint, bits: number): bigint => {
  let out = 0n;
  for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((value >> BigInt(i)) & 255n);
  return out;
};

/** A byte of a memory that nobody writes. */
const byteAt = (address: bigint): bigint => {
  const mixed = Number(BigInt.asUintN(32, address)) ^ Number(address >> 32n);
  const x = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return BigInt((x ^ (x >>> 13)) & 255);
};

const loaded = (op: PlainOperation & { kind: 'load' }, r: Registers): bigint => {
  let value = 0n;
  for (let i = op.size - 1; i >= 0; i--)
    value = (value << 8n) | byteAt(wide(r[op.src]! + BigInt(op.off + i)));
  return op.signed ? wide(BigInt.asIntN(op.size * 8, value)) : value;
};

/** What an instruction writes to its register. */
const resultOf = (op: Exclude<PlainOperation, { kind: 'store' }>, r: Registers): bigint => {
  switch (op.kind) {
    case 'alu':
      return calculate(
        op.op,
        op.width,
        r[op.dst]!,
        op.src.kind === 'imm' ? wide(BigInt(op.src.imm)) : r[op.src.reg]!,
      );
    case 'neg':
      return BigInt.asUintN(op.width, -r[op.dst]!);
    case 'movsx':
      return BigInt.asUintN(op.width, BigInt.asIntN(op.bits, r[op.src]!));
    case 'swap':
      return op.order === 'le' ? BigInt.asUintN(op.bits, r[op.dst]!) : swapped(r[op.dst]!, op.bits);
    case 'load':
      return loaded(op, r);
  }
};

type Written = Exclude<PlainOperation, { kind: 'store' }>;

const after = (op: Written, states: States): States => states.map((r) => r.with(op.dst, resultOf(op, r)));

const registersIn = (mask: number) => Array.from({ length: 10 }, (_, r) => r).filter((r) => mask & (1 << r));

/** Constants that may matter: the window's own, what follows from two of them, masks and shifts. */
const constantsOf = (ops: readonly Written[]): number[] => {
  const own = ops.flatMap((o) => (o.kind === 'alu' && o.src.kind === 'imm' ? [o.src.imm] : []));
  const pairs = own.flatMap((a) => own.flatMap((b) => [a + b, a - b, a & b, a | b, a ^ b]));
  const shifts = own
    .filter((a) => a > 0 && a < 64)
    .flatMap((a) => [64 - a, 32 - a, 2 ** Math.min(a, 31) - 1]);
  const all = [...own, ...pairs, ...shifts, 0, 1, -1, 8, 16, 32, 255, 0xffff];
  return [...new Set(all.filter((n) => n === (n | 0)))];
};

const fits = (op: AluOp, src: Operand, width: number): boolean =>
  src.kind === 'reg' || !['lsh', 'rsh', 'arsh'].includes(op) || (src.imm > 0 && src.imm < width);

const candidatesOf = ({ operations, liveOut }: SearchWindow): Written[] => {
  const ops = operations as readonly Written[];
  const written = registersIn(ops.reduce((m, o) => m | registersOf(o).writes, 0));
  const used = ops.reduce((m, o) => m | registersOf(o).writes | registersOf(o).reads, liveOut);
  const registers = registersIn(used);
  const sources: Operand[] = [
    ...registers.map((reg): Operand => ({ kind: 'reg', reg })),
    ...constantsOf(ops).map((imm): Operand => ({ kind: 'imm', imm })),
  ];
  const out: Written[] = [];
  for (const dst of written) {
    for (const width of [64, 32] as const) {
      for (const op of ALU)
        for (const src of sources) if (fits(op, src, width)) out.push({ kind: 'alu', width, op, dst, src });
      out.push({ kind: 'neg', width, dst });
      for (const src of registers)
        for (const bits of [8, 16] as const) out.push({ kind: 'movsx', width, bits, dst, src });
    }
    for (const src of registers) out.push({ kind: 'movsx', width: 64, bits: 32, dst, src });
    for (const bits of [16, 32, 64] as const) out.push({ kind: 'swap', order: 'be', bits, dst });
    for (const o of ops) {
      if (o.kind !== 'load') continue;
      for (const signed of o.size === 8 ? [false] : [false, true]) out.push({ ...o, dst, signed });
      for (const src of registers) if (src !== o.src) out.push({ ...o, dst, src });
    }
  }
  return out;
};

const agrees = (goal: States, states: States, live: readonly number[]) =>
  goal.every((g, i) => live.every((r) => g[r] === states[i]![r]));

/** Instructions that lead from `states` to the goal. */
function* last(candidates: readonly Written[], states: States, goal: States, live: readonly number[]) {
  const wrong = live.filter((r) => goal.some((g, i) => g[r] !== states[i]![r]));
  const [only, more] = wrong;
  if (more !== undefined || only === undefined) return;
  for (const op of candidates)
    if (op.dst === only && goal.every((g, i) => resultOf(op, states[i]!) === g[only])) yield op;
}

const run = (ops: readonly Written[], states: States): States =>
  ops.reduce((now, op) => after(op, now), states);

/** Whether both agree on many more inputs than those that the search looks at. */
const stand = (window: SearchWindow, live: readonly number[]) => {
  let start: States | undefined;
  let goal: States | undefined;
  return (made: readonly Written[]): boolean => {
    start ??= inputs(window.narrow, MORE_INPUTS);
    goal ??= run(window.operations as readonly Written[], start);
    return agrees(goal, run(made, start), live);
  };
};

/** Both as wide as the second: a shift and the sum after it are one instruction of A64 then. */
const ofOneWidth = (first: Written, second: Written): Written[] | undefined => {
  if (first.kind !== 'alu' || second.kind !== 'alu' || first.width === second.width) return undefined;
  return fits(first.op, first.src, second.width) ? [{ ...first, width: second.width }, second] : undefined;
};

export const isSearchable = (ops: readonly PlainOperation[]): boolean => ops.every((o) => o.kind !== 'store');

/**
 * A shorter window that agrees on all inputs tried; undefined when there is none of at most two instructions.
 * @param stop asked now and then whether to give up
 */
export const shorter = (window: SearchWindow, stop: () => boolean): PlainOperation[] | undefined => {
  const ops = window.operations as readonly Written[];
  const live = registersIn(window.liveOut);
  const stands = stand(window, live);
  const start = inputs(window.narrow, INPUTS);
  const goal = run(ops, start);
  if (agrees(goal, start, live) && stands([])) return [];
  const candidates = candidatesOf(window);
  if (ops.length > 1) for (const one of last(candidates, start, goal, live)) if (stands([one])) return [one];
  if (ops.length < 3) return undefined;
  const seen = new Set<string>();
  for (const first of candidates) {
    const states = after(first, start);
    const key = `${first.dst} ${states
      .slice(0, 4)
      .map((r) => r[first.dst])
      .join()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > MAX_FIRST || stop()) return undefined;
    for (const second of last(candidates, states, goal, live)) {
      const alike = ofOneWidth(first, second);
      if (alike && stands(alike)) return alike;
      if (stands([first, second])) return [first, second];
    }
  }
  return undefined;
};
