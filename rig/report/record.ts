/** What a run tells, one object a line: everything that reports print comes from here. */
import type { Cause } from '../cause.ts';
import type { Sample, Start } from '../device.ts';

export type Attempt = { readonly ms: number; readonly passed: boolean; readonly message?: string };

export type BoardLine = {
  readonly name: string;
  readonly board: string;
  readonly kind: 'real' | 'emulated';
  readonly twinOf?: string;
};

export type Outcome = 'passed' | 'failed' | 'skipped';

export type RunStarted = {
  readonly event: 'run';
  readonly version: string;
  readonly time: string;
  readonly bench: string;
  readonly folder: string;
  readonly boards: readonly BoardLine[];
  readonly suites: readonly string[];
};

/** A step before the tests. */
export type Phase = {
  readonly event: 'phase';
  readonly board: string;
  readonly phase: 'lock' | 'power' | 'flash' | 'boot';
  readonly passed: boolean;
  readonly ms: number;
  readonly detail: string;
  readonly cause?: Cause;
};

export type TestRecord = {
  readonly event: 'test';
  readonly board: string;
  readonly suite: string;
  readonly test: string;
  readonly outcome: Outcome;
  readonly ms: number;
  /** More than one when it was tried again. */
  readonly attempts: readonly Attempt[];
  /** Why it was tried again. */
  readonly retried?: string;
  readonly cause?: Cause;
  readonly log: readonly string[];
  /** Why it did not run. */
  readonly why?: string;
};

/** The last line of a board: what it went through. */
export type BoardEnd = {
  readonly event: 'board_end';
  readonly board: string;
  readonly model: string;
  readonly build: string;
  readonly console: string;
  readonly starts: readonly Start[];
  readonly samples: readonly Sample[];
  readonly crash: string;
  /** What went over all of its lines, by what it is. */
  readonly link: Readonly<Record<string, number>>;
};

export type Note = { readonly event: 'note'; readonly board: string; readonly text: string };

export type Verdict = {
  readonly board: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly retried: number;
  readonly cause?: Cause;
};

export type Summary = {
  readonly event: 'summary';
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly retried: number;
  readonly ms: number;
  readonly verdicts: readonly Verdict[];
};

export type RigEvent = RunStarted | Phase | TestRecord | BoardEnd | Note | Summary;

/** A finished run, as reports read it. */
export type Run = {
  readonly start: RunStarted;
  readonly events: readonly RigEvent[];
  readonly summary: Summary;
  /** Console text of each board, with the milliseconds at which each line came. */
  readonly consoles: Readonly<Record<string, string>>;
};

export const testsOf = (events: readonly RigEvent[], board?: string): TestRecord[] =>
  events.filter((e): e is TestRecord => e.event === 'test' && (board === undefined || e.board === board));

export const phasesOf = (events: readonly RigEvent[], board: string): Phase[] =>
  events.filter((e): e is Phase => e.event === 'phase' && e.board === board);

export const endOf = (events: readonly RigEvent[], board: string): BoardEnd | undefined =>
  events.find((e): e is BoardEnd => e.event === 'board_end' && e.board === board);
