/** The shipped model as a proposer: asked about a program's windows, each answer tried on its own, then put together. */
import { loadHost, type ModuleProgram } from '../ebpf/index.ts';
import {
  compatible,
  ModelError,
  type Replacement,
  type ResolvedModel,
  type RewriteOptions,
  type RunnerOptions,
  rewritten,
  splice,
} from '../models/index.ts';
import { type Proposal, ProposerError } from './proposer.ts';
import { given, isSound, recording, type StoppableProposer, shippedRunner } from './shipped-model.ts';

export type WindowModelOptions = RunnerOptions &
  Pick<RewriteOptions, 'samples' | 'seed' | 'windows'> & {
    /** Longest time for all questions about one program, in ms; default 1,500. */
    readonly budgetMs?: number;
  };

/** Batches of tokens of this many questions cost little more than those of one. */
const SEQUENCES = 8;
/** Runs that throw out a window's answer before the whole program is judged. */
const RUNS = 24;

/** Those that pass each by itself: one wrong answer must not spoil the others. */
const sound = (
  program: ModuleProgram,
  found: readonly Replacement[],
  isSoundCode: (code: Uint8Array) => boolean,
): Replacement[] => {
  if (found.length > 0 && isSoundCode(splice(program.code, found))) return [...found];
  return compatible(found.filter((r) => isSoundCode(splice(program.code, [r]))));
};

const noteOf = (replacements: readonly Replacement[]): string =>
  replacements
    .map((r) => `window at ${r.start}: ${r.count} → ${r.operations.length} instructions`)
    .join(', ');

export const windowProposer = (model: ResolvedModel, options: WindowModelOptions = {}): StoppableProposer => {
  const { budgetMs = 1500, samples, seed, windows, ...rest } = options;
  const runner = shippedRunner(model, SEQUENCES, rest);
  const asking = given({ samples, seed, windows });
  return {
    name: 'model',
    warm: () => void runner.start().catch(() => undefined),
    stop: () => runner.stop(),
    async *propose({ program, memorySize, signal }) {
      const host = await loadHost();
      const runs = { runs: RUNS, ...(memorySize === undefined ? {} : { memorySize }) };
      const { answer, promptHash } = recording(runner);
      await runner.start().catch((cause: unknown) => {
        throw cause instanceof ModelError ? new ProposerError(cause.message, { cause }) : cause;
      });
      const proposals: Proposal[] = [];
      const sieve = async (code: Uint8Array, found: readonly Replacement[]) => {
        const current = { ...program, code };
        return sound(current, found, (made) => isSound(host, current, made, runs));
      };
      const deadline = performance.now() + budgetMs;
      for await (const { code, replacements } of rewritten(program.code, answer, {
        ...asking,
        deadline,
        sieve,
      })) {
        if (signal?.aborted) return;
        const modelHash = await runner.hash();
        proposals.push({
          code,
          proposer: 'model',
          note: noteOf(replacements),
          modelHash,
          promptHash: promptHash(),
        });
      }
      yield* proposals.reverse();
    },
  };
};
