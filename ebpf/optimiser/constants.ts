/** Registers whose value is known at each node, by forward data flow along edges that can be taken. */
import type { Alu, Branch, Operand, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, functionsOf, type Node, positionsOf, successors } from './code.ts';

/**
 * Known 64-bit value; `'low'` when only bits 63..32 are known to be zero, `'address'` when it is known not to be zero;
 * undefined when nothing is known.
 */
export type Known = bigint | 'low' | 'address' | undefined;
export type Registers = readonly Known[];

const u = (width: number, value: bigint) => BigInt.asUintN(width, value);
const s = (width: number, value: bigint) => BigInt.asIntN(width, value);

export const isLow = (k: Known): boolean => k === 'low' || (typeof k === 'bigint' && k >> 32n === 0n);

const meet = (a: Known, b: Known): Known => {
  if (a === b) return a;
  return isLow(a) && isLow(b) ? 'low' : undefined;
};

/** RFC 9669 §4.1 on numbers. */
export const calculate = (op: Alu['op'], width: number, a: bigint, b: bigint): bigint => {
  const x = u(width, a);
  const y = u(width, b);
  const amount = y & BigInt(width - 1);
  switch (op) {
    case 'add':
      return u(width, x + y);
    case 'sub':
      return u(width, x - y);
    case 'mul':
      return u(width, x * y);
    case 'div':
      return y === 0n ? 0n : x / y;
    case 'mod':
      return y === 0n ? x : x % y;
    case 'sdiv':
      return y === 0n ? 0n : u(width, s(width, x) / s(width, y));
    case 'smod':
      return y === 0n ? x : u(width, s(width, x) % s(width, y));
    case 'or':
      return x | y;
    case 'and':
      return x & y;
    case 'xor':
      return x ^ y;
    case 'mov':
      return y;
    case 'lsh':
      return u(width, x << amount);
    case 'rsh':
      return x >> amount;
    case 'arsh':
      return u(width, s(width, x) >> amount);
  }
};

export const isTaken = (op: Branch['op'], width: number, a: bigint, b: bigint): boolean => {
  const [x, y] = [u(width, a), u(width, b)];
  const [i, j] = [s(width, a), s(width, b)];
  const results = {
    jeq: x === y,
    jne: x !== y,
    jgt: x > y,
    jge: x >= y,
    jlt: x < y,
    jle: x <= y,
    jset: (x & y) !== 0n,
    jsgt: i > j,
    jsge: i >= j,
    jslt: i < j,
    jsle: i <= j,
  };
  return results[op];
};

export const operandValue = (src: Operand, regs: Registers): Known =>
  src.kind === 'imm' ? u(64, BigInt(src.imm)) : regs[src.reg];

/** Value of the register this operation writes. */
export const valueAfter = (op: Operation, regs: Registers): Known => {
  switch (op.kind) {
    case 'alu': {
      const b = operandValue(op.src, regs);
      const a = regs[op.dst];
      if (op.op === 'mov' && op.width === 64) return b;
      if (typeof b === 'bigint' && (op.op === 'mov' || typeof a === 'bigint'))
        return calculate(op.op, op.width, typeof a === 'bigint' ? a : 0n, b);
      if (op.width === 32) return 'low';
      if (op.op === 'and' && (isLow(a) || isLow(b))) return 'low';
      if ((op.op === 'or' || op.op === 'xor') && isLow(a) && isLow(b)) return 'low';
      if (op.op === 'rsh' && typeof b === 'bigint' && ((b & 63n) >= 32n || isLow(a))) return 'low';
      return (op.op === 'div' || op.op === 'mod') && isLow(a) ? 'low' : undefined;
    }
    case 'neg': {
      const a = regs[op.dst];
      if (typeof a === 'bigint') return u(op.width, -a);
      return op.width === 32 ? 'low' : undefined;
    }
    case 'movsx': {
      const a = regs[op.src];
      if (typeof a === 'bigint') return u(op.width, s(op.bits, a));
      return op.width === 32 ? 'low' : undefined;
    }
    case 'swap':
      return op.bits < 64 ? 'low' : undefined;
    case 'load':
      return op.size < 8 && !op.signed ? 'low' : undefined;
    case 'ld_imm64':
      return op.form === 'number' ? op.imm : 'address';
    default:
      return undefined;
  }
};

/** Registers after a node, in `regs` itself. */
export const transfer = (op: Operation, regs: Known[]): void => {
  const value = valueAfter(op, regs);
  const { writes } = registersOf(op);
  for (let r = 0; r <= 10; r++) if (writes & (1 << r)) regs[r] = undefined;
  if ('dst' in op && writes & (1 << op.dst)) regs[op.dst] = value;
};

/** Whether a branch is taken, where that is known. */
export const decide = (op: Branch, regs: Registers): boolean | undefined => {
  const a = regs[op.dst];
  const b = operandValue(op.src, regs);
  if (a === 'address' && b === 0n && op.width === 64 && (op.op === 'jeq' || op.op === 'jne'))
    return op.op === 'jne';
  return typeof a === 'bigint' && typeof b === 'bigint' ? isTaken(op.op, op.width, a, b) : undefined;
};

/** Registers on one edge of a branch: what it compared for equality is known there. */
export const refine = (code: Code, index: number, to: number, regs: Known[]): Known[] => {
  const { op } = code[index]!;
  if (op.kind !== 'branch' || op.src.kind !== 'imm' || (op.op !== 'jeq' && op.op !== 'jne')) return regs;
  const equal = (op.op === 'jeq') === (to !== index + 1);
  const low = isLow(regs[op.dst]);
  if (!equal || (op.width === 32 && !low) || regs[op.dst] === 'address') return regs;
  const out = [...regs];
  out[op.dst] = u(op.width, BigInt(op.src.imm));
  return out;
};

const merge = (into: Known[] | undefined, from: Registers): { merged: Known[]; changed: boolean } => {
  if (!into) return { merged: [...from], changed: true };
  const merged = into.map((k, r) => meet(k, from[r]));
  return { merged, changed: merged.some((k, r) => k !== into[r]) };
};

/** Successors that can be reached with these registers. */
export const feasible = (
  code: Code,
  index: number,
  regs: Registers,
  positions: ReadonlyMap<Node, number>,
): number[] => {
  const node = code[index]!;
  const next = successors(code, index, positions);
  if (node.op.kind !== 'branch') return next;
  const taken = decide(node.op, regs);
  if (taken === undefined) return next;
  return taken ? [positions.get(node.target!)!] : [index + 1];
};

/** Several rules ask the same of one program. */
const cache = new WeakMap<Code, readonly (Registers | undefined)[]>();

/** Registers before each node; undefined where no node can be reached. */
export const constantsOf = (code: Code): readonly (Registers | undefined)[] => {
  const known = cache.get(code);
  if (known) return known;
  const found = findConstants(code);
  cache.set(code, found);
  return found;
};

const findConstants = (code: Code): (Registers | undefined)[] => {
  const positions = positionsOf(code);
  const before: (Known[] | undefined)[] = Array(code.length).fill(undefined);
  const work = functionsOf(code, positions);
  for (const start of work) before[start] = Array(11).fill(undefined);
  for (let index = work.pop(); index !== undefined; index = work.pop()) {
    const regs = [...before[index]!];
    const next = feasible(code, index, regs, positions);
    transfer(code[index]!.op, regs);
    for (const to of next) {
      const { merged, changed } = merge(before[to], next.length > 1 ? refine(code, index, to, regs) : regs);
      if (!changed) continue;
      before[to] = merged;
      work.push(to);
    }
  }
  return before;
};
