/** One queue of queries to Z3 in a child process, which is ended when it hangs or when nobody waits for it. */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Script } from './smtlib.ts';
import type { Term } from './term.ts';

/** `ms`: processor time that it took; `steps`: the solver's own count of its work, the same on every machine. */
export type Answer = { readonly ms: number; readonly steps: number } & (
  | { readonly verdict: 'unsat' }
  | { readonly verdict: 'sat'; readonly model: ReadonlyMap<Term, bigint> }
  | { readonly verdict: 'unknown'; readonly reason: string }
);

type Reply = {
  id: number;
  ms?: number;
  steps?: number;
  answer?: string;
  model?: Record<string, string>;
  error?: string;
};

const childPath = fileURLToPath(new URL('./solver-child.mjs', import.meta.url));
/** Starting Z3 takes about half a second; a child that says nothing for this long after its time-out hangs. */
const GRACE_MS = 20_000;
/** The solver's steps in one ms: 1,600 of them where it multiplies, 3,700 where it guesses. */
export const STEPS_PER_MS = 1500;
/** A question that is slow in its steps, on a slow processor, may take this much longer than most. */
const PATIENCE = 8;
/** Processor time in which a machine surely takes so many steps, in ms. */
const patienceMs = (steps: number): number => Math.ceil((steps / STEPS_PER_MS) * PATIENCE);
/** A busy machine may give a process this small a part of itself. */
const CROWD = 30;
/** As much as Z3 can be told. */
const MAX_STEPS = 2 ** 32 - 1;

let child: ChildProcess | undefined;
let nextId = 0;
let queue: Promise<unknown> = Promise.resolve();

const start = (): ChildProcess => {
  if (child) return child;
  const started = fork(childPath, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const forget = () => {
    if (child === started) child = undefined;
  };
  started.on('exit', forget);
  started.on('error', forget); // it was not started, or is gone without its end having been heard of
  started.unref();
  started.channel?.unref();
  child = started;
  return started;
};

/** Ends the solver's process. A later query starts another. */
export const stopSolver = (): void => {
  child?.kill('SIGKILL');
  child = undefined;
};

const exchange = (script: string, steps: number): Promise<Reply> =>
  new Promise((resolve) => {
    const id = nextId++;
    const process = start();
    process.channel?.ref();
    const finish = (reply: Reply) => {
      clearTimeout(timer);
      process.off('message', receive);
      process.off('exit', gone);
      process.off('error', gone);
      process.channel?.unref();
      resolve(reply);
    };
    const receive = (reply: unknown) => {
      if ((reply as Reply).id === id) finish(reply as Reply);
    };
    const gone = () => finish({ id, error: 'the solver ended unexpectedly' });
    const timer = setTimeout(
      () => {
        stopSolver();
        finish({ id, error: 'the solver did not answer in time' });
      },
      patienceMs(steps) * CROWD + GRACE_MS,
    );
    process.on('message', receive);
    process.on('exit', gone);
    process.on('error', gone);
    process.send({ id, script, steps, patienceMs: patienceMs(steps) });
  });

const ask = async (script: Script, limit: number): Promise<Answer> => {
  const reply = await exchange(script.text, Math.min(limit, MAX_STEPS));
  // Who does not answer has used up everything.
  const { model, ms = 0, steps = limit } = reply;
  if (reply.answer === 'unsat') return { ms, steps, verdict: 'unsat' };
  if (reply.answer === 'sat' && model)
    return {
      ms,
      steps,
      verdict: 'sat',
      model: new Map(script.inputs.map((i) => [i.term, BigInt(model[i.constant] ?? 0)])),
    };
  return { ms, steps, verdict: 'unknown', reason: reply.error ?? `the solver answered ${reply.answer}` };
};

/** Questions whose answer was `unsat`, by hash: proposals for one program ask many of them again. */
const refuted = new Set<string>();
const MAX_REFUTED = 16_384;

const askOnce = async (script: Script, limit: number): Promise<Answer> => {
  const question = createHash('sha256').update(script.text).digest('base64');
  if (refuted.has(question)) return { ms: 0, steps: 0, verdict: 'unsat' };
  const answer = await ask(script, limit);
  if (answer.verdict !== 'unsat') return answer;
  if (refuted.size >= MAX_REFUTED) refuted.delete(refuted.values().next().value!);
  refuted.add(question);
  return answer;
};

/**
 * Whether the conditions of a script can hold at once, in at most so many steps of the solver. Queries are answered one after the
 * other; one that was refuted is not asked again.
 */
export const solve = (script: Script, limit: number): Promise<Answer> => {
  const next = queue.then(() => askOnce(script, limit));
  queue = next.catch(() => undefined);
  return next;
};
