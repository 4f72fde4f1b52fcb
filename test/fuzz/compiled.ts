/** C at random through clang, verifier, checker, interpreter and JIT: what a compiler makes of it looks like what users load. */
import { join } from 'node:path';
import { root } from '../../firmware/index.ts';
import { type Batch, nextBatch } from './c-programs.ts';
import type { Finding, Limit } from './fuzz.ts';
import { type Counts, fuzzPrograms, type ProgramTarget, summaryOf } from './soundness.ts';

export type CompiledTarget = ProgramTarget & { readonly compiler: true };

export const compiledTargets: readonly CompiledTarget[] = [
  {
    name: 'soundness-compiled',
    doc: 'random C, as clang compiles it at any level and for any version: held to the same, under sanitizers',
    sanitized: true,
    compiler: true,
  },
];

/** As each program is tried (oracle/generator.h). */
const WAYS = 4;
const folder = join(root, 'build/fuzz/soundness-compiled');

const added = (all: Counts, one: Counts): Counts => ({
  seed: all.seed,
  next_seed: one.next_seed,
  accepted: all.accepted + one.accepted,
  certified: all.certified + one.certified,
  damaged_accepted: all.damaged_accepted + one.damaged_accepted,
  forged_accepted: all.forged_accepted + one.forged_accepted,
  states: all.states + one.states,
  compiled: all.compiled + one.compiled,
  compared: all.compared + one.compared,
});

/** Ends at a limit, at the first finding, or by `signal`; `limit.runs` are programs. */
export const fuzzCompiled = async (
  target: CompiledTarget,
  limit: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
): Promise<Finding> => {
  const first = limit.seed ?? 1;
  const most = limit.runs ?? Number.POSITIVE_INFINITY;
  const end =
    performance.now() + 1000 * (limit.runs === undefined ? (limit.seconds ?? 0) : Number.POSITIVE_INFINITY);
  let [runs, features] = [0, 0];
  let counts: Counts | undefined;
  let finding: Finding | undefined;
  for (let next = first; ; ) {
    let batch: Batch;
    try {
      batch = await nextBatch(next, folder, signal);
    } catch (error) {
      if (finding && signal?.aborted) return finding;
      throw error;
    }
    const { path, count, seed } = batch;
    next = seed + 1;
    const left = Math.min(count * WAYS, most - runs);
    const found = await fuzzPrograms(target, { runs: left, seed: 0 }, signal, undefined, path);
    const one = { ...(found.details as Counts), seed: first, next_seed: next };
    counts = counts ? added(counts, one) : one;
    runs += found.runs;
    features = Math.max(features, found.features);
    const summary = summaryOf(runs, counts);
    finding = { ...found, runs, features, summary, details: counts };
    if (!found.ok) {
      const replay = `again: velocity fuzz --target ${target.name} --runs ${count * WAYS} --seed ${seed}`;
      return { ...finding, report: `${found.report}\n${replay}` };
    }
    say(`${target.name}: ${summary}`);
    if (runs >= most || performance.now() > end || signal?.aborted) return finding;
  }
};
