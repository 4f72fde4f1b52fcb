/** The shipped model as a proposer: asked about a program's windows, each answer tried on its own, then put together. */
import { createHash } from 'node:crypto';
import { comparePrograms, type Host, loadHost, type ModuleProgram } from '../ebpf/index.ts';
import {
  type Answerer,
  CONTEXT_WORDS,
  compatible,
  ModelError,
  ModelRunner,
  type Replacement,
  type ResolvedModel,
  type RewriteOptions,
  type RunnerOptions,
  rewritten,
  splice,
} from '../models/index.ts';
import type { RunSize } from './cost.ts';
import { type Proposal, type Proposer, ProposerError } from './proposer.ts';

export type WindowModelOptions = RunnerOptions &
  Pick<RewriteOptions, 'samples' | 'seed' | 'windows'> & {
    /** Longest time for all questions about one program, in ms; default 1,500. */
    readonly budgetMs?: number;
  };

export type StoppableProposer = Proposer & {
  /** Loads the model ahead of the first proposal; what goes wrong shows there. */
  readonly warm: () => void;
  readonly stop: () => void;
};

/** Batches of tokens of this many questions cost little more than those of one. */
const SEQUENCES = 8;
/** Runs that throw out a window's answer before the whole program is judged. */
const RUNS = 24;

/** Whether verifier and so many runs let this code pass in the program's place. */
export const isSound = (
  host: Host,
  program: ModuleProgram,
  code: Uint8Array,
  options: RunSize & { readonly runs: number },
): boolean => {
  const candidate = { ...program, code };
  return host.verify(candidate, options).ok && comparePrograms(host, program, candidate, options).same;
};

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

/** Answers through the runner, and a hash over everything that was asked. */
export const recording = (runner: ModelRunner) => {
  const asked = createHash('sha256');
  const answer: Answerer = (completions) => {
    for (const { tokens, grammar, temperature, seed } of completions)
      asked.update(JSON.stringify([tokens, grammar, temperature, seed]));
    return runner.complete(completions).catch((cause: unknown) => {
      if (cause instanceof ModelError) throw new ProposerError(cause.message, { cause });
      throw cause;
    });
  };
  return { answer, promptHash: () => new Uint8Array(asked.copy().digest()) };
};

export const windowProposer = (model: ResolvedModel, options: WindowModelOptions = {}): StoppableProposer => {
  const { budgetMs = 1500, samples, seed, windows, ...rest } = options;
  const runner = new ModelRunner(model, {
    threads: 1,
    contextTokens: CONTEXT_WORDS,
    sequences: SEQUENCES,
    timeoutMs: 60_000,
    ...rest,
  });
  const asking = Object.fromEntries(
    Object.entries({ samples, seed, windows }).filter(([, v]) => v !== undefined),
  );
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
      const deadline = Date.now() + budgetMs;
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
