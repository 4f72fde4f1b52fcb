/** Soaks a board: one step after the other, chosen by the seed, and after each of them everything is checked. */

import { Random } from '../../ebpf/random.ts';
import { type Cause, CauseError } from '../cause.ts';
import type { Bench } from '../suites/suite.ts';
import { actions, chooseAction } from './actions.ts';
import { Subject } from './subject.ts';

export type SoakOptions = {
  readonly seed: number;
  /** Ends after so much board time… */
  readonly boardSeconds: number;
  /** …or so many steps, whichever comes first. */
  readonly steps?: number;
  readonly signal?: AbortSignal;
};

export type SoakStep = {
  readonly event: 'step';
  readonly board: string;
  readonly n: number;
  readonly action: string;
  readonly what: string;
  /** Board time so far. */
  readonly board_seconds: number;
};

export type SoakResult = {
  readonly event: 'soak';
  readonly board: string;
  readonly seed: number;
  readonly ok: boolean;
  readonly steps: number;
  /** Steps by action. */
  readonly actions: Readonly<Record<string, number>>;
  readonly board_hours: number;
  /** Ticks of the timer hook that were followed one by one. */
  readonly ticks: number;
  readonly events: number;
  readonly bytes_lost: number;
  readonly bytes_changed: number;
  readonly resent: number;
  readonly starts: number;
  readonly wall_seconds: number;
  readonly cause?: Cause;
  /** The step that failed. */
  readonly failed?: { readonly n: number; readonly action: string };
};

/** Each step has random numbers of its own, so that what one uses does not change the next. */
const randomOf = (seed: number, n: number) => new Random(Math.imul(seed ^ 0x9e3779b9, 2 * n + 1) + n);

const causeOf = (error: unknown): Cause =>
  error instanceof CauseError ? error.found : { code: 'no_answer', sentence: (error as Error).message };

/** Counts what happened over the lines that came and went. */
class Tally {
  readonly actions: Record<string, number> = {};
  boardSeconds = 0;
  steps = 0;

  add(action: string): void {
    this.actions[action] = (this.actions[action] ?? 0) + 1;
    this.steps += 1;
  }
}

const oneStep = async (
  subject: Subject,
  n: number,
  seed: number,
): Promise<{ action: string; what: string }> => {
  const random = randomOf(seed, n);
  const action = chooseAction(random);
  try {
    const what = await actions[action]!.run(subject, random);
    await subject.check(`step ${n} (${action})`);
    return { action, what };
  } catch (error) {
    throw Object.assign(error as Error, { action });
  }
};

export const soak = async (
  bench: Bench,
  options: SoakOptions,
  tell: (step: SoakStep) => void,
): Promise<SoakResult> => {
  const { seed, boardSeconds, steps = Number.POSITIVE_INFINITY, signal } = options;
  const { device, entry } = bench;
  const subject = new Subject(bench);
  const tally = new Tally();
  const began = performance.now();
  let failure: { cause: Cause; failed: { n: number; action: string } } | undefined;
  let n = 0;
  try {
    await subject.begin();
    for (n = 1; n <= steps && tally.boardSeconds < boardSeconds && !signal?.aborted; n++) {
      const { action, what } = await oneStep(subject, n, seed);
      tally.add(action);
      tally.boardSeconds = subject.boardSeconds;
      tell({
        event: 'step',
        board: entry.name,
        n,
        action,
        what,
        board_seconds: Math.round(tally.boardSeconds),
      });
    }
  } catch (error) {
    const { action = 'begin' } = error as { action?: string };
    failure = { cause: causeOf(error), failed: { n, action } };
  }
  const { lost, changed, resent } = device.totals;
  return {
    event: 'soak',
    board: entry.name,
    seed,
    ok: failure === undefined,
    steps: tally.steps,
    actions: tally.actions,
    board_hours: Math.round((tally.boardSeconds / 3600) * 1000) / 1000,
    ticks: Number(subject.ticks),
    events: subject.books.events,
    bytes_lost: lost,
    bytes_changed: changed,
    resent,
    starts: device.starts.length,
    wall_seconds: Math.round((performance.now() - began) / 1000),
    ...(failure ?? {}),
  };
};
