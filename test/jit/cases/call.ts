import { type Case, EXIT, hexOf, insn, load64, movImm } from './case.ts';

const callLocal = (distance: number) => insn(0x85, 0, 1, 0, distance);
const mov = (dst: number, src: number) => insn(0xbf, dst, src);
const add = (dst: number, src: number) => insn(0x0f, dst, src);

/** §4.3.1: r6..r9 and the frame survive a local call, each function has a stack of its own. */
export const callCases = (): Case[] => [
  {
    name: 'local call keeps r6 and the stack',
    code:
      load64(6, 1) +
      insn(0x7a, 10, 0, -8, 5) +
      movImm(1, 100) +
      callLocal(4) +
      add(0, 6) +
      load64(3, 10, -8) +
      add(0, 3) +
      EXIT +
      movImm(6, 1000) +
      insn(0x7a, 10, 0, -8, 77) +
      mov(0, 1) +
      add(0, 6) +
      EXIT,
    mem: hexOf(20000n),
    r0: 21105n,
  },
  {
    name: 'seven calls deep',
    code:
      movImm(0, 0) +
      Array.from({ length: 7 }, () => callLocal(2) + insn(0x07, 0, 0, 0, 1) + EXIT).join('') +
      movImm(0, 0) +
      EXIT,
    mem: hexOf(0n),
    r0: 7n,
  },
  {
    name: 'a function that is a loop from its first instruction',
    code:
      movImm(1, 5) +
      movImm(2, 0) +
      callLocal(1) +
      EXIT +
      add(2, 1) +
      insn(0x07, 1, 0, 0, -1) +
      insn(0x55, 1, 0, -3, 0) +
      mov(0, 2) +
      EXIT,
    mem: hexOf(0n),
    r0: 15n,
  },
];
