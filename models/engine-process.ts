/** The child process that runs models: starting it takes a second, loading one more small model a few hundredths of one. */
import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findEngine } from './engine.ts';
import { ModelError, type ModelProblem } from './error.ts';

export type ModelSettings = {
  readonly path: string;
  readonly threads: number;
  readonly contextTokens: number;
  readonly sequences: number;
};

export type Reply = {
  readonly id?: number;
  readonly text?: string;
  readonly answers?: number[][];
  readonly error?: string;
  readonly problem?: 'no_engine';
};

/** What a message says besides its number and whom it is for. */
type Body = { readonly [field: string]: unknown };

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

type Running = { readonly child: ChildProcess; waiting: number };

const started = (path: string): Running => {
  const engine = findEngine();
  if (!engine) throw new ModelError('no_engine', path, 'node-llama-cpp is not installed');
  const child = fork(childPath, [engine], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.on('error', () => {}); // whoever asks is told
  child.unref();
  giveWay(child);
  return { child, waiting: 0 };
};

/** Whatever goes wrong with one model ends the process; the next question to any of them starts it again. */
export class EngineProcess {
  #running: Running | undefined;
  readonly #loading = new Map<string, Promise<unknown>>();
  #nextId = 0;

  /** Loads a model unless it is there already. @throws ModelError when it does not load */
  async load({ path, ...settings }: ModelSettings, timeoutMs: number): Promise<void> {
    const loading = this.#loading.get(path) ?? this.#exchange(path, settings, timeoutMs);
    this.#loading.set(path, loading);
    try {
      await loading;
    } catch (error) {
      if (this.#loading.get(path) === loading) this.#loading.delete(path);
      throw error;
    }
  }

  /** Asks a model that was loaded. @throws ModelError when it dies or takes too long */
  ask(path: string, question: Body, timeoutMs: number): Promise<Reply> {
    return this.#exchange(path, question, timeoutMs);
  }

  async #exchange(path: string, body: Body, timeoutMs: number): Promise<Reply> {
    this.#running ??= started(path);
    const running = this.#running;
    const { child } = running;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        child.off('message', receive);
        child.off('exit', gone);
        child.off('error', broken);
        running.waiting -= 1;
        if (running.waiting === 0) child.channel?.unref();
      };
      const fail = (problem: ModelProblem, what: string) => {
        done();
        if (this.#running === running) this.stop();
        reject(new ModelError(problem, path, what));
      };
      const receive = (raw: unknown) => {
        const reply = raw as Reply;
        if (reply.id !== id) return;
        if (reply.error !== undefined) return fail(reply.problem ?? 'unsupported', reply.error);
        done();
        resolve(reply);
      };
      const gone = (code: number | null, signal: string | null) =>
        fail('crashed', `the process that ran it ended with ${signal ?? code}`);
      const broken = ({ message }: Error) => fail('crashed', `its process is gone (${message})`);
      const timer = setTimeout(() => fail('timeout', `no answer in ${timeoutMs / 1000} s`), timeoutMs);
      running.waiting += 1;
      if (!child.connected) return fail('crashed', 'its process is gone');
      child.channel?.ref();
      child.on('message', receive);
      child.on('exit', gone);
      child.on('error', broken);
      child.send({ id, path, ...body });
    });
  }

  /** Of the process, while there is one. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Ends the process; what is asked next loads its model again. */
  stop(): void {
    this.#running?.child.kill('SIGKILL');
    this.#running = undefined;
    this.#loading.clear();
  }
}
