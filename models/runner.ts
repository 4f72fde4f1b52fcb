/** Runs a GGUF model through node-llama-cpp, in a child process that starts at the first question. */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findEngine } from './engine.ts';
import { ModelError, type ModelProblem } from './error.ts';
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
};

type Reply = {
  readonly ready?: boolean;
  readonly id?: number;
  readonly text?: string;
  readonly answers?: number[][];
  readonly error?: string;
  readonly problem?: 'no_engine';
};

/** Between normal (0) and below normal (10): a third of what others get. */
const NICE = 5;

/** Loading takes a core for a while, mostly when somebody waits for what rules find: those go first. */
const giveWay = ({ pid }: ChildProcess): void => {
  try {
    if (pid !== undefined) setPriority(pid, NICE);
  } catch {
    // It has ended already, which its exit tells, or this system has no priorities.
  }
};

const childPath = fileURLToPath(new URL('./runner-child.mjs', import.meta.url));

export class ModelRunner {
  readonly #model: ResolvedModel;
  readonly #options: RunnerOptions;
  #child: ChildProcess | undefined;
  #loading: Promise<void> | undefined;
  #nextId = 0;
  #hash: Promise<Uint8Array> | undefined;

  constructor(model: ResolvedModel, options: RunnerOptions = {}) {
    this.#model = model;
    this.#options = options;
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
    this.#loading ??= this.#load();
    await this.#loading;
  }

  /** @throws ModelError when the model does not load, dies or takes too long. */
  async ask(question: Question): Promise<string> {
    await this.start();
    const reply = await this.#exchange({ id: this.#nextId++, ...question });
    return reply.text ?? '';
  }

  /** The answer to each, without the word that ends it. @throws ModelError as `ask` does */
  async complete(completions: readonly Completion[]): Promise<number[][]> {
    await this.start();
    const reply = await this.#exchange({ id: this.#nextId++, completions });
    return reply.answers ?? [];
  }

  async #load(): Promise<void> {
    const { threads = Math.min(8, Math.max(1, availableParallelism() - 1)), contextTokens = 4096 } =
      this.#options;
    const engine = findEngine();
    if (!engine) throw new ModelError('no_engine', this.#model.path, 'node-llama-cpp is not installed');
    const { sequences = 1 } = this.#options;
    const most = this.#model.head.contextLength ?? contextTokens;
    const child = fork(childPath, [engine], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.unref();
    this.#child = child;
    giveWay(child);
    await this.#exchange({
      path: this.#model.path,
      threads,
      sequences,
      contextTokens: Math.min(contextTokens, most),
    });
  }

  #exchange(message: { id?: number; [field: string]: unknown }): Promise<Reply> {
    const child = this.#child;
    const { timeoutMs = 60_000 } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (problem: ModelProblem, what: string) => {
        done();
        this.stop();
        reject(new ModelError(problem, this.#model.path, what));
      };
      const receive = (raw: unknown) => {
        const reply = raw as Reply;
        if (reply.error !== undefined) return fail(reply.problem ?? 'unsupported', reply.error);
        if (reply.id !== message.id) return;
        done();
        resolve(reply);
      };
      const gone = (code: number | null, signal: string | null) =>
        fail('crashed', `the process that ran it ended with ${signal ?? code}`);
      const timer = setTimeout(() => fail('timeout', `no answer in ${timeoutMs / 1000} s`), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        child?.off('message', receive);
        child?.off('exit', gone);
        child?.channel?.unref();
      };
      if (!child?.connected) return fail('crashed', 'its process is gone');
      child.channel?.ref();
      child.on('message', receive);
      child.on('exit', gone);
      child.send(message);
    });
  }

  /** Ends the process; the next question loads the model again. */
  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    this.#loading = undefined;
  }
}
