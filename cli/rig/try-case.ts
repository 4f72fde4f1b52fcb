/** Runs one test as often as it allows, and records every try. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { Attempt } from '../../rig/report/index.ts';
import type { Case } from '../../rig/suites/index.ts';
import type { Attendant } from './attendant.ts';

const DEFAULT_SECONDS = 60;

class TooLong extends Error {
  constructor(seconds: number) {
    super(`the test did not finish within ${seconds} s`);
    this.name = 'TooLong';
  }
}

const within = async (seconds: number, work: Promise<unknown>): Promise<void> => {
  const enough = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: enough.signal }).then(
    () => {
      throw new TooLong(seconds);
    },
    () => {},
  );
  try {
    await Promise.race([work, late]);
  } finally {
    enough.abort();
  }
};

type Tried = { readonly attempt: Attempt; readonly error: unknown };

const tryOnce = async (
  t: ExecutionContext,
  each: Case,
  attendant: Attendant,
  last: boolean,
): Promise<Tried> => {
  const began = Date.now();
  let error: unknown;
  const result = await t.try(async (inner) => {
    try {
      await within(each.timeoutSeconds ?? DEFAULT_SECONDS, Promise.resolve(each.run(inner, attendant.bench)));
    } catch (thrown) {
      error = thrown;
      throw thrown;
    }
  });
  error ??= result.errors[0];
  const ms = Date.now() - began;
  if (result.passed || last) result.commit();
  else result.discard();
  const message = result.passed ? {} : { message: (error as Error)?.message ?? 'failed' };
  return { attempt: { ms, passed: result.passed, ...message }, error };
};

export const runCase = async (t: ExecutionContext, each: Case, attendant: Attendant): Promise<void> => {
  const why = await attendant.whyNot();
  if (why !== undefined) {
    attendant.skipped(each, why);
    t.pass();
    return;
  }
  const watch = await attendant.watch();
  const log: string[] = [];
  const forgetLog = attendant.onLog((line) => log.push(line));
  const attempts: Attempt[] = [];
  const tries = 1 + (each.retry?.times ?? 0);
  try {
    for (let i = 0; i < tries; i++) {
      const { attempt, error } = await tryOnce(t, each, attendant, i === tries - 1);
      attempts.push(attempt);
      if (attempt.passed) return await attendant.passed(each, attempts, log, watch);
      if (i === tries - 1) await attendant.failed(each, attempts, log, error, watch);
    }
  } finally {
    forgetLog();
  }
};
