/** What the two shipped models have in common as proposers: how they run, are recorded, and are sieved. */
import { createHash } from 'node:crypto';
import { comparePrograms, type Host, type ModuleProgram } from '../ebpf/index.ts';
import {
  type Answerer,
  CONTEXT_WORDS,
  ModelError,
  ModelRunner,
  type ResolvedModel,
  type RunnerOptions,
} from '../models/index.ts';
import type { RunSize } from './cost.ts';
import { type Proposer, ProposerError } from './proposer.ts';

export type StoppableProposer = Proposer & {
  /** Loads the model ahead of the first proposal; what goes wrong shows there. */
  readonly warm: () => void;
  readonly stop: () => void;
};

/** A runner for a model of some million parameters: one thread is fastest. `sequences`: answers made side by side. */
export const shippedRunner = (model: ResolvedModel, sequences: number, options: RunnerOptions): ModelRunner =>
  new ModelRunner(model, {
    threads: 1,
    contextTokens: CONTEXT_WORDS,
    sequences,
    timeoutMs: 60_000,
    ...options,
  });

/** The options that were given, so that what was not takes its default. */
export const given = <T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;

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
