/** What a program costs, and whether one is cheaper than another for what is wanted. */
import { bpf } from '../abi/index.ts';
import { jitCompile, type ModuleProgram } from '../ebpf/index.ts';
import type { Objective } from '../ebpf/optimiser/index.ts';

export type Cost = {
  /** Proven worst case, in eBPF instructions. */
  readonly bound: number;
  /** Size of the compiled program, in A64 instructions; undefined when it was not compiled. */
  readonly words: number | undefined;
  readonly slots: number;
  /** eBPF instructions executed in all differential runs together, vector helpers by their bounds; undefined before these ran. */
  readonly steps?: number;
};

const wordsOf = async (program: ModuleProgram): Promise<number | undefined> => {
  const compiled = await jitCompile(program);
  return compiled.ok ? compiled.words.length : undefined;
};

export const costOf = async (program: ModuleProgram, bound: number): Promise<Cost> => ({
  bound,
  words: await wordsOf(program),
  slots: program.code.length / bpf.INSN_BYTES,
});

type Figures = { readonly executed: number; readonly size: number };

/**
 * What executes: measured runs where there were some, the proven worst case otherwise. Size: the geometric mean of slots, which
 * are sent and verified, and of machine code, which is kept. By machine code alone, a loop that the JIT unrolls by itself could
 * be written out in slots for nothing.
 */
const figures = (c: Cost, measured: boolean): Figures => ({
  executed: measured ? c.steps! : c.bound,
  size: Math.sqrt((c.words ?? c.slots) * c.slots),
});

const isLess = (a: readonly number[], b: readonly number[]): boolean => {
  const at = a.findIndex((x, i) => x !== b[i]);
  return at >= 0 && a[at]! < b[at]!;
};

/** For `speed` what executes counts, then size; for `size` the other way round; `balanced` weighs both alike, as ratios. */
export const isCheaper = (before: Cost, after: Cost, objective: Objective): boolean => {
  const measured = before.steps !== undefined && after.steps !== undefined;
  const [old, made] = [figures(before, measured), figures(after, measured)];
  if (objective === 'speed') return isLess([made.executed, made.size], [old.executed, old.size]);
  if (objective === 'size') return isLess([made.size, made.executed], [old.size, old.executed]);
  return (made.executed / old.executed) * (made.size / old.size) < 1;
};
