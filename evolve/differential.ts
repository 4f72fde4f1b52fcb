/** Runs two programs on the same inputs in the kernel's interpreter: finds most wrong proposals in milliseconds. */
import { type Comparison, comparePrograms, loadHost, type ModuleProgram } from '../ebpf/index.ts';

const show = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) => {
    if (typeof v === 'bigint') return `0x${v.toString(16)}`;
    if (v instanceof Uint8Array) return Buffer.from(v).toString('hex');
    return v instanceof Map ? [...v].sort() : v;
  }) ?? 'nothing';

/** One sentence on the input that shows a difference. */
export const sentenceOf = ({ difference, runs }: Comparison): string | undefined => {
  if (!difference) return undefined;
  const { before, after } = difference;
  if (!before.ok || !after.ok)
    return `run ${runs}: it ends with ${after.ok ? 'a result' : after.error.code}, not with ${before.ok ? 'a result' : before.error.code}`;
  for (const what of ['r0', 'memory', 'maps', 'log'] as const) {
    const [x, y] = [show(before[what]), show(after[what])];
    if (x !== y) return `run ${runs}: ${what} differs, ${x.slice(0, 60)} against ${y.slice(0, 60)}`;
  }
  return `run ${runs}: they differ`;
};

/** One sentence on the first input on which the two do not do the same; undefined when none of `runs` inputs shows it. */
export const firstDifference = async (
  before: ModuleProgram,
  after: ModuleProgram,
  runs: number,
): Promise<string | undefined> =>
  sentenceOf(comparePrograms(await loadHost(), before, after, { runs, seed: 0x51ed27 }));
