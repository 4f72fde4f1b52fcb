/** Runs windows on random registers and memory: throws out wrong answers in microseconds, before anything is proven. */
import { calculate } from '../../ebpf/optimiser/constants.ts';
import type { PlainOperation, Window } from './window.ts';

export type Machine = {
  readonly registers: bigint[];
  /** Bytes written, by address. */
  readonly written: Map<bigint, number>;
  /** Decides what memory holds that nobody wrote. */
  readonly seed: bigint;
};

const wide = (value: bigint) => BigInt.asUintN(64, value);

/** A byte that depends on its address alone. */
const byteAt = (address: bigint, seed: bigint): number => {
  let x = Number(BigInt.asUintN(32, address ^ seed)) ^ Number(BigInt.asUintN(32, address >> 32n));
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return (x ^ (x >>> 15)) & 255;
};

const load = (m: Machine, address: bigint, size: number): bigint => {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) {
    const at = wide(address + BigInt(i));
    value = (value << 8n) | BigInt(m.written.get(at) ?? byteAt(at, m.seed));
  }
  return value;
};

const store = (m: Machine, address: bigint, size: number, value: bigint) => {
  for (let i = 0; i < size; i++)
    m.written.set(wide(address + BigInt(i)), Number((value >> BigInt(8 * i)) & 255n));
};

const swapped = (value: bigint, bits: number): bigint => {
  let out = 0n;
  for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((value >> BigInt(i)) & 255n);
  return out;
};

const resultOf = (m: Machine, op: Exclude<PlainOperation, { kind: 'store' }>): bigint => {
  const reg = (r: number) => m.registers[r] ?? 0n;
  switch (op.kind) {
    case 'alu': {
      const b = op.src.kind === 'imm' ? wide(BigInt(op.src.imm)) : reg(op.src.reg);
      return calculate(op.op, op.width, reg(op.dst), b);
    }
    case 'neg':
      return BigInt.asUintN(op.width, -reg(op.dst));
    case 'movsx':
      return BigInt.asUintN(op.width, BigInt.asIntN(op.bits, reg(op.src)));
    case 'swap':
      return op.order === 'le' ? BigInt.asUintN(op.bits, reg(op.dst)) : swapped(reg(op.dst), op.bits);
    case 'load': {
      const value = load(m, wide(reg(op.src) + BigInt(op.off)), op.size);
      return op.signed ? wide(BigInt.asIntN(op.size * 8, value)) : value;
    }
  }
};

export const execute = (ops: readonly PlainOperation[], m: Machine): void => {
  for (const op of ops) {
    if (op.kind !== 'store') m.registers[op.dst] = resultOf(m, op);
    else {
      const value = op.src.kind === 'imm' ? wide(BigInt(op.src.imm)) : (m.registers[op.src.reg] ?? 0n);
      store(m, wide((m.registers[op.dst] ?? 0n) + BigInt(op.off)), op.size, value);
    }
  }
};

const EDGES = [0n, 1n, 0xffn, 0x8000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 63n, (1n << 64n) - 1n];

/** xorshift32. */
const sequence = (seed: number) => {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
};

const inputs = (count: number, next: () => number): bigint[] =>
  Array.from({ length: count }, () => {
    const kind = next() % 4;
    if (kind === 0) return EDGES[next() % EDGES.length]!;
    const whole = (BigInt(next()) << 32n) | BigInt(next());
    return kind === 1 ? whole >> BigInt(next() % 64) : whole;
  });

const sameMemory = (a: Machine, b: Machine): boolean => {
  for (const [at, byte] of a.written) if ((b.written.get(at) ?? byteAt(at, b.seed)) !== byte) return false;
  for (const [at, byte] of b.written) if ((a.written.get(at) ?? byteAt(at, a.seed)) !== byte) return false;
  return true;
};

/**
 * Whether both do the same to memory and to the registers that are read behind them, on `runs` random inputs.
 * Registers that start out random are far apart as addresses, so this says nothing about places that overlap.
 * @param liveOut registers to compare.
 */
export const agree = (
  before: readonly PlainOperation[],
  after: readonly PlainOperation[],
  liveOut: readonly number[],
  runs: number,
  registers = 11,
): boolean => {
  const next = sequence(0x9e3779b9);
  for (let i = 0; i < runs; i++) {
    const start = inputs(registers, next);
    const seed = BigInt(next());
    const a: Machine = { registers: [...start], written: new Map(), seed };
    const b: Machine = { registers: [...start], written: new Map(), seed };
    execute(before, a);
    execute(after, b);
    if (liveOut.some((r) => a.registers[r] !== b.registers[r]) || !sameMemory(a, b)) return false;
  }
  return true;
};

export const registersIn = (mask: number): number[] =>
  Array.from({ length: 11 }, (_, r) => r).filter((r) => mask & (1 << r));

export const windowsAgree = (window: Window, after: readonly PlainOperation[], runs: number): boolean =>
  agree(window.operations, after, registersIn(window.liveOut), runs);
