/** Runs one test as often as it allows, and records every try. */
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { Attempt } from '../../rig/report/index.ts';
import { type Case, DEFAULT_TIMEOUT_SECONDS } from '../../rig/suites/index.ts';
import type { Attendant } from './attendant.ts';

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

type Assertion = {
  readonly message?: string;
  readonly assertion?: string;
  readonly formattedDetails?: readonly { readonly label: string; readonly formatted: string }[];
};

/** What an assertion of ava found: its details are lines with terminal colours. */
const described = ({ message, assertion = '', formattedDetails = [] }: Assertion): Error => {
  const details = formattedDetails.map(
    ({ label, formatted }) => `${label.trim()} ${stripVTControlCharacters(formatted)}`,
  );
  return new Error([`${assertion} ${message ?? ''}`.trim(), ...details].join(' '));
};

type Tried = { readonly attempt: Attempt; readonly error: unknown; readonly settle: () => void };

const tryOnce = async (t: ExecutionContext, each: Case, attendant: Attendant): Promise<Tried> => {
  const began = performance.now();
  let error: unknown;
  const result = await t.try(async (inner) => {
    try {
      await within(
        each.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        Promise.resolve(each.run(inner, attendant.bench)),
      );
    } catch (thrown) {
      error = thrown;
      throw thrown;
    }
  });
  // A failed assertion ends the test by an error that says only that it did.
  const [found] = result.errors;
  if (found && (!error || (error as Error).name === 'TestFailure')) error = described(found as Assertion);
  const { passed } = result;
  const message = passed ? {} : { message: (error as Error)?.message ?? 'failed' };
  return {
    attempt: { ms: Math.round(performance.now() - began), passed, ...message },
    error,
    settle: () => result.commit(),
  };
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
  try {
    for (let left = 1 + (each.retry?.times ?? 0); ; left--) {
      const { attempt, error, settle } = await tryOnce(t, each, attendant);
      attempts.push(attempt);
      if (!attempt.passed && left > 1) continue; // forgotten by ava, kept in the record
      if (attempt.passed) await attendant.passed(each, attempts, log, watch);
      else await attendant.failed(each, attempts, log, error, watch);
      return settle(); // throws when the try failed
    }
  } finally {
    forgetLog();
  }
};
