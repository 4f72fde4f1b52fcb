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

type Condition = (a: bigint, b: bigint, sa: bigint, sb: bigint) => boolean;

/** §4.3, Table 7. */
const conditions: Record<string, Condition> = {
  jeq: (a, b) => a === b,
  jne: (a, b) => a !== b,
  jgt: (a, b) => a > b,
  jge: (a, b) => a >= b,
  jlt: (a, b) => a < b,
  jle: (a, b) => a <= b,
  jset: (a, b) => (a & b) !== 0n,
  jsgt: (_a, _b, sa, sb) => sa > sb,
  jsge: (_a, _b, sa, sb) => sa >= sb,
  jslt: (_a, _b, sa, sb) => sa < sb,
  jsle: (_a, _b, sa, sb) => sa <= sb,
};

const holds = (condition: Condition, a: bigint, b: bigint, wide: boolean) =>
  wide ? condition(u64(a), u64(b), i64(a), i64(b)) : condition(u32(a), u32(b), i32(a), i32(b));

const opcodeOf = (name: string, wide: boolean, source: number) =>
  bpf.jumpOps[name as keyof typeof bpf.jumpOps] | source | (wide ? bpf.classes.jmp : bpf.classes.jmp32);

/** r0 is 2 when the jump is taken, 1 when not. */
const around = (jump: string) => movImm(0, 2) + jump + movImm(0, 1) + EXIT;

const inRegisters = (name: string, condition: Condition, wide: boolean): Case[] =>
  EDGES.flatMap((a) =>
    EDGES.map((b) => ({
      name: `${name}${wide ? 64 : 32} 0x${a.toString(16)}, 0x${b.toString(16)}`,
      code: load64(3, 1) + load64(4, 1, 8) + around(insn(opcodeOf(name, wide, bpf.sources.x), 3, 4, 1)),
      mem: hexOf(a) + hexOf(b),
      r0: holds(condition, a, b, wide) ? 2n : 1n,
    })),
  );

const withImmediate = (name: string, condition: Condition, wide: boolean): Case[] =>
  IMMEDIATES.flatMap((imm) =>
    [...EDGES.slice(0, 3), u64(BigInt(imm)), u64(BigInt(imm) + 1n), u64(BigInt(imm) - 1n)].map((a) => ({
      name: `${name}${wide ? 64 : 32} 0x${a.toString(16)}, imm ${imm}`,
      code: load64(3, 1) + around(insn(opcodeOf(name, wide, bpf.sources.k), 3, 0, 1, imm)),
      mem: hexOf(a),
      r0: holds(condition, a, BigInt(imm), wide) ? 2n : 1n,
    })),
  );

/** A loop as clang writes it: a conditional jump over the jump back. */
const loops = (): Case[] => [
  {
    name: 'sum of 1..1000, branch over the jump back',
    code:
      movImm(0, 0) +
      movImm(1, 1) +
      insn(0x0f, 0, 1) +
      insn(0x07, 1, 0, 0, 1) +
      insn(0x15, 1, 0, 1, 1001) +
      insn(0x05, 0, 0, -4) +
      EXIT,
    mem: hexOf(0n),
    r0: 500500n,
  },
  {
    name: 'gotol forward, over what another jump leads to',
    code: movImm(0, 7) + load64(3, 1) + insn(0x15, 3, 0, 1, 5) + insn(0x06, 0, 0, 0, 1) + movImm(0, 9) + EXIT,
    mem: hexOf(0n),
    r0: 7n,
  },
  {
    name: 'a loop entered again from behind its end, in the middle',
    code:
      movImm(0, 1) +
      movImm(2, 0) +
      insn(0x05, 0, 0, 5) + // out of line: behind the end, jumps to the middle
      insn(0x27, 0, 0, 0, 31) +
      insn(0x07, 2, 0, 0, 1) +
      insn(0x25, 2, 0, 4, 5) +
      insn(0x07, 0, 0, 0, 1) +
      insn(0x05, 0, 0, -5) +
      insn(0x07, 0, 0, 0, 2) +
      insn(0x05, 0, 0, -4) +
      EXIT,
    mem: hexOf(0n),
    r0: 3579598179n,
  },
];

export const jumpCases = (): Case[] => [
  ...Object.entries(conditions).flatMap(([name, condition]) =>
    [true, false].flatMap((wide) => [
      ...inRegisters(name, condition, wide),
      ...withImmediate(name, condition, wide),
    ]),
  ),
  ...loops(),
];
