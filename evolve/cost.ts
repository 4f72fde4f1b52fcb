/** What a program costs, and whether one is cheaper than another for what is wanted. */
import { bpf } from '../abi/index.ts';
import type { ModuleProgram } from '../ebpf/index.ts';
import type { Objective } from '../ebpf/optimiser/index.ts';
import type { MachineCode } from './machine-code.ts';

export type Cost = {
  /** Proven worst case, in eBPF instructions. */
  readonly bound: number;
  /** Size of the compiled program, in A64 instructions; undefined when it was not compiled. */
  readonly words: number | undefined;
  readonly slots: number;
  /** eBPF instructions executed in all differential runs together, vector helpers by what they execute; undefined before these ran. */
  readonly steps?: number;
  /** A64 instructions executed in those of the runs that record coverage, about; absent where nothing was compiled. */
  readonly machine?: number;
};

/** Hook `run`: bytes that r1 points to. */
export type RunSize = { readonly memorySize?: number };

export const costOf = (program: ModuleProgram, bound: number, machine: MachineCode | undefined): Cost => ({
  bound,
  words: machine?.words,
  slots: program.code.length / bpf.INSN_BYTES,
});

type Figures = { readonly executed: number; readonly size: number };

type Measure = 'machine' | 'steps' | 'bound';

/**
 * What executes: machine code in measured runs, or bytecode, or the proven worst case, whatever is known of both. Size: the geometric mean of slots, which
 * are sent and verified, and of machine code, which is kept. By machine code alone, a loop that the JIT unrolls by itself could
 * be written out in slots for nothing.
 */
const figures = (c: Cost, measure: Measure): Figures => ({
  executed: c[measure]!,
  size: Math.sqrt((c.words ?? c.slots) * c.slots),
});

const isLess = (a: readonly number[], b: readonly number[]): boolean => {
  const at = a.findIndex((x, i) => x !== b[i]);
  return at >= 0 && a[at]! < b[at]!;
};

/** Twice the size has to save a twenty-fourth of what executes: loops written out for less fill the board's pool. */
const SIZE_OF_SPEED = 1 / 16;

const measureOf = (before: Cost, after: Cost): Measure => {
  const measures = ['machine', 'steps', 'bound'] as const;
  return measures.find((m) => before[m] !== undefined && after[m] !== undefined)!;
};

/** Whether less of it executes, whatever its size. */
export const runsLess = (before: Cost, after: Cost): boolean => {
  const measure = measureOf(before, after);
  return after[measure]! < before[measure]!;
};

/** For `speed` what executes counts, and has to pay for what it takes in size; for `size` the other way round, without a price; `balanced` weighs both alike, as ratios. */
export const isCheaper = (before: Cost, after: Cost, objective: Objective): boolean => {
  const measure = measureOf(before, after);
  const [old, made] = [figures(before, measure), figures(after, measure)];
  if (objective === 'size') return isLess([made.size, made.executed], [old.size, old.executed]);
  const [executed, size] = [made.executed / old.executed, made.size / old.size];
  if (objective === 'balanced') return executed * size < 1;
  return size > 1 ? executed * size ** SIZE_OF_SPEED < 1 : isLess([executed, size], [1, 1]);
};
