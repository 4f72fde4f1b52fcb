/** Runs a GGUF model through node-llama-cpp, in a child process that starts at the first question. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { EngineProcess, type Reply } from './engine-process.ts';
import type { ResolvedModel } from './resolve.ts';

export type Question = {
  readonly prompt: string;
  /** GBNF. */
  readonly grammar: string;
  readonly maxTokens: number;
  /** 0 takes the likeliest token always. */
  readonly temperature: number;
  readonly seed: number;
};

/** Words by number in, words out; for models whose words the host knows. */
export type Completion = Omit<Question, 'prompt'> & { readonly tokens: readonly number[] };

export type RunnerOptions = {
  /** Threads; default: one less than the machine has, at most 8. More than there are cores slows down a hundredfold. */
  readonly threads?: number;
  /** Tokens of prompt and answer together; default 4,096, or what the model has if that is less. */
  readonly contextTokens?: number;
  /** Completions that run side by side; default 1. */
  readonly sequences?: number;
  /** Longest wait for loading, and for one answer, in ms; default 60,000. */
  readonly timeoutMs?: number;
  /** Where it runs; default: a process of its own. One that several models share starts once for all of them. */
  readonly process?: EngineProcess;
};

const TIMEOUT_MS = 60_000;

export class ModelRunner {
  readonly #model: ResolvedModel;
  readonly #options: RunnerOptions;
  readonly #process: EngineProcess;
  #hash: Promise<Uint8Array> | undefined;

  constructor(model: ResolvedModel, options: RunnerOptions = {}) {
    this.#model = model;
    this.#options = options;
    this.#process = options.process ?? new EngineProcess();
  }

  get path(): string {
    return this.#model.path;
  }

  /** SHA-256 of the model's file. */
  hash(): Promise<Uint8Array> {
    this.#hash ??= (async () => {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(this.#model.path)) hash.update(chunk as Buffer);
      return new Uint8Array(hash.digest());
    })();
    return this.#hash;
  }

  /** Loads the model, so that the first question need not wait. @throws ModelError when it does not load */
  async start(): Promise<void> {
    const most = Math.min(8, Math.max(1, availableParallelism() - 1));
    const { threads = most, contextTokens = 4096, sequences = 1, timeoutMs = TIMEOUT_MS } = this.#options;
    const { path, head } = this.#model;
    const tokens = Math.min(contextTokens, head.contextLength ?? contextTokens);
    await this.#process.load({ path, threads, sequences, contextTokens: tokens }, timeoutMs);
  }

  /** @throws ModelError when the model does not load, dies or takes too long. */
  async ask(question: Question): Promise<string> {
    return (await this.#reply(question)).text ?? '';
  }

  /** The answer to each, without the word that ends it. @throws ModelError as `ask` does */
  async complete(completions: readonly Completion[]): Promise<number[][]> {
    return (await this.#reply({ completions })).answers ?? [];
  }

  async #reply(question: { readonly [field: string]: unknown }): Promise<Reply> {
    await this.start();
    return this.#process.ask(this.#model.path, question, this.#options.timeoutMs ?? TIMEOUT_MS);
  }

  /** Ends its process; the next question loads the model again. */
  stop(): void {
    this.#process.stop();
  }
}
