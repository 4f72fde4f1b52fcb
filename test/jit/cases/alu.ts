import { bpf } from '../../../abi/index.ts';
import {
  type Case,
  EDGES,
  EXIT,
  hexOf,
  IMMEDIATES,
  i32,
  i64,
  insn,
  load64,
  movImm,
  u32,
  u64,
} from './case.ts';

type Width = 32 | 64;
type Operation = (a: bigint, b: bigint, width: Width) => bigint;

const signed = (value: bigint, width: Width) => (width === 64 ? i64(value) : i32(value));
const shift = (b: bigint, width: Width) => b & BigInt(width - 1);

/** §4.1, on operands already cut to the width; the result is cut by the caller. */
const operations: Record<string, Operation> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  lsh: (a, b, width) => a << shift(b, width),
  rsh: (a, b, width) => a >> shift(b, width),
  arsh: (a, b, width) => signed(a, width) >> shift(b, width),
  mov: (_, b) => b,
};

const signedOperations: Record<string, Operation> = {
  div: (a, b, width) => (b === 0n ? 0n : signed(a, width) / signed(b, width)),
  mod: (a, b, width) => (b === 0n ? a : signed(a, width) % signed(b, width)),
};

const cut = (value: bigint, width: Width) => (width === 64 ? u64(value) : u32(value));
const opcodeOf = (name: string, width: Width, source: number) =>
  bpf.aluOps[name as keyof typeof bpf.aluOps] | source | (width === 64 ? bpf.classes.alu64 : bpf.classes.alu);

const operate = (operation: Operation, a: bigint, b: bigint, width: Width) =>
  cut(operation(cut(a, width), cut(b, width), width), width);

const inRegisters = (name: string, operation: Operation, width: Width, off: number): Case[] =>
  EDGES.flatMap((a) =>
    EDGES.map((b) => ({
      name: `${off ? 's' : ''}${name}${width} 0x${a.toString(16)}, 0x${b.toString(16)}`,
      code: load64(0, 1) + load64(3, 1, 8) + insn(opcodeOf(name, width, bpf.sources.x), 0, 3, off) + EXIT,
      mem: hexOf(a) + hexOf(b),
      r0: operate(operation, a, b, width),
    })),
  );

const isAllowed = (name: string, imm: number, width: Width) => {
  if (name === 'div' || name === 'mod') return imm !== 0;
  return !['lsh', 'rsh', 'arsh'].includes(name) || (imm >= 0 && imm < width);
};

const withImmediate = (name: string, operation: Operation, width: Width, off: number): Case[] =>
  IMMEDIATES.filter((imm) => isAllowed(name, imm, width)).flatMap((imm) =>
    [EDGES[5], EDGES[12], EDGES[15], EDGES[17]].map((a) => ({
      name: `${off ? 's' : ''}${name}${width} 0x${a.toString(16)}, imm ${imm}`,
      code: load64(0, 1) + insn(opcodeOf(name, width, bpf.sources.k), 0, 0, off, imm) + EXIT,
      mem: hexOf(a),
      r0: operate(operation, a, BigInt(imm), width),
    })),
  );

const family = (table: Record<string, Operation>, off: number): Case[] =>
  Object.entries(table).flatMap(([name, operation]) =>
    ([32, 64] as const).flatMap((width) => [
      ...inRegisters(name, operation, width, off),
      ...withImmediate(name, operation, width, off),
    ]),
  );

const unary = (name: string, code: string, model: (a: bigint) => bigint): Case[] =>
  EDGES.map((a) => ({
    name: `${name} 0x${a.toString(16)}`,
    code: load64(0, 1) + code + EXIT,
    mem: hexOf(a),
    r0: u64(model(a)),
  }));

const reversed = (value: bigint, bits: number) => BigInt(`0x${hexOf(BigInt.asUintN(bits, value), bits / 8)}`);

/** §4.1 MOVSX and NEG, §4.2 byte swaps. */
const others = (): Case[] => [
  ...[8, 16, 32].flatMap((bits) =>
    unary(`movsx64 ${bits}`, insn(0xbf, 0, 0, bits), (a) => BigInt.asIntN(bits, a)),
  ),
  ...[8, 16].flatMap((bits) =>
    unary(`movsx32 ${bits}`, insn(0xbc, 0, 0, bits), (a) => u32(BigInt.asIntN(bits, a))),
  ),
  ...unary('neg64', insn(0x87), (a) => -a),
  ...unary('neg32', insn(0x84), (a) => u32(-a)),
  ...unary('0 - s16', insn(0xbf, 2, 0, 16) + movImm(0, 0) + insn(0x1f, 0, 2), (a) => -BigInt.asIntN(16, a)),
  ...unary('0 - u8, 32', insn(0x57, 0, 0, 0, 255) + insn(0xbf, 2) + movImm(0, 0) + insn(0x1c, 0, 2), (a) =>
    u32(-(a & 255n)),
  ),
  ...[16, 32, 64].flatMap((bits) => [
    ...unary(`le${bits}`, insn(0xd4, 0, 0, 0, bits), (a) => BigInt.asUintN(bits, a)),
    ...unary(`be${bits}`, insn(0xdc, 0, 0, 0, bits), (a) => reversed(a, bits)),
    ...unary(`bswap${bits}`, insn(0xd7, 0, 0, 0, bits), (a) => reversed(a, bits)),
  ]),
];

export const aluCases = (): Case[] => [...family(operations, 0), ...family(signedOperations, 1), ...others()];
