/** Programs for the benchmark of the verifier: made to a size and a number of branches, in the mix that clang emits. */
import { assemble } from '../../../ebpf/index.ts';

/** Bytes that the programs get. */
export const MEMORY_BYTES = 256;

/** What is done between branches, in turn: loads, masks and shifts, spills, an index from data into the memory, stores. */
const STATEMENTS: readonly (readonly string[])[] = [
  ['r3 = *(u32 *)(r6 + 4)', 'r3 &= 65535', 'r4 += r3'],
  ['w5 ^= w3', 'r4 <<= 1', 'r0 += r4'],
  ['*(u64 *)(r10 - 8) = r4', 'r3 = *(u16 *)(r6 + 16)', 'r4 = *(u64 *)(r10 - 8)'],
  ['r2 = r3', 'r2 &= 63', 'r1 = r6', 'r1 += r2', 'r3 = *(u8 *)(r1 + 32)'],
  ['*(u32 *)(r6 + 8) = r5', 'w3 >>= 3', 'r0 ^= r3'],
  ['r5 = r0', 'w5 *= 3', 'r4 |= r5'],
];

const HEAD = ['r6 = r1', 'r0 = 0', 'r3 = 0', 'r4 = 1', 'w5 = 7'];
const TAIL = ['r0 &= 4095', 'exit'];

/** One line a slot: nothing here takes two. */
const body = (slots: number, branches: number): string[] => {
  const lines: string[] = [];
  let made = 0;
  for (let i = 0; lines.length < slots; i += 1) {
    const due = made < branches && lines.length >= Math.floor((slots * made) / branches);
    const statement = STATEMENTS[i % STATEMENTS.length]!;
    const left = slots - lines.length;
    if (due && left >= 2) {
      const over = Math.min(statement.length, left - 1);
      lines.push(`if r3 > ${1000 + made} goto +${over}`, ...statement.slice(0, over));
      made += 1;
    } else lines.push(...statement.slice(0, left));
  }
  return lines;
};

/** A program of exactly so many slots, at least 10, with so many conditional branches, at most one in three slots. */
export const sizedProgram = (slots: number, branches: number): Uint8Array =>
  assemble([...HEAD, ...body(slots - HEAD.length - TAIL.length, branches), ...TAIL].join('\n'));

export type Point = {
  readonly series: 'size' | 'branches';
  readonly slots: number;
  readonly branches: number;
};

/** Sizes with a branch every eight slots, and the largest program with ever more branches. */
export const points: readonly Point[] = [
  ...[10, 30, 100, 300, 1000, 2000, 3000, 4096].map(
    (slots) => ({ series: 'size', slots, branches: Math.floor(slots / 8) }) as const,
  ),
  ...[0, 50, 100, 200, 300, 400, 500].map(
    (branches) => ({ series: 'branches', slots: 4096, branches }) as const,
  ),
];
