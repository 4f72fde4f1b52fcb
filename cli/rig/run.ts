/** `velocity rig run`: every chosen board at the same time, one report for all. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder } from '../../firmware/folder.ts';
import { paths } from '../../firmware/index.ts';
import { naming } from '../../firmware/write.ts';
import { lockBoard, type RigBoard, type SuiteName, suiteNames } from '../../rig/index.ts';
import {
  peopleLines,
  type RigEvent,
  type Run,
  type RunStarted,
  summaryOf,
  writeReports,
} from '../../rig/report/index.ts';
import { selectCases } from '../../rig/suites/index.ts';
import type { Context } from '../context.ts';
import { OutcomeError, UsageError } from '../failure.ts';
import { version } from '../version.ts';
import { testBoard } from './one-board.ts';
import { type BenchOptions, buildImages, chooseBoards, needsQemu, whyUnusable } from './prepare.ts';
import { newReportFolder } from './report-folder.ts';
import { consolePath, type Session } from './session.ts';

export type RunOptions = BenchOptions & {
  readonly suites?: readonly SuiteName[];
  readonly filter?: string;
  readonly report?: string;
  /** Seconds to wait for boards that others use. */
  readonly wait?: number;
};

/** Suites that run when none is named: a soak takes long. */
const standardSuites = suiteNames.filter((name) => name !== 'soak');

const say = (context: Context, jsonl: (event: RigEvent) => void) => (event: RigEvent) => {
  jsonl(event);
  if (context.output.json) return context.output.fact(event, '');
  for (const line of peopleLines(event)) context.output.print(line);
};

const note = (board: string, text: string): RigEvent => ({ event: 'note', board, text });

/** Takes every lock or none. */
const lockAll = async (
  context: Context,
  entries: readonly RigBoard[],
  waitMs: number,
  tell: (event: RigEvent) => void,
) => {
  for (const entry of entries) {
    const free = await lockBoard(entry, {
      root: paths.state,
      command: 'velocity rig run',
      waitMs,
      say: (line) => tell(note(entry.name, line)),
      signal: context.cleanup.signal,
    });
    context.cleanup.add(free);
  }
};

const started = (
  from: string,
  folder: string,
  entries: readonly RigBoard[],
  suites: readonly string[],
): RunStarted => ({
  event: 'run',
  version: version(),
  time: new Date().toISOString(),
  bench: from,
  folder,
  suites,
  boards: entries.map(({ name, board, kind, twinOf }) => ({
    name,
    board: board.name,
    kind,
    ...(twinOf ? { twinOf } : {}),
  })),
});

const consoleOf = (session: Session): string => {
  try {
    return readFileSync(consolePath(session), 'utf8');
  } catch {
    return '';
  }
};

const testAll = async (context: Context, sessions: readonly Session[], take: (event: RigEvent) => void) => {
  const children = sessions.map((session) => testBoard(session, take));
  const stop = context.cleanup.add(() => Promise.all(children.map((child) => child.stop())));
  await Promise.all(children.map(({ done }) => done));
  context.cleanup.signal.throwIfAborted(); // a run that was stopped has no verdict, and no reports that look like one's
  await stop();
};

const usable = (entries: readonly RigBoard[]) => {
  const unusable = entries
    .map((entry) => ({ entry, why: whyUnusable(entry) }))
    .filter(({ why }) => why !== undefined);
  if (unusable.length === entries.length) {
    throw new UsageError(
      `no board can be used here: ${unusable.map(({ entry, why }) => `${entry.name}: ${why}`).join('; ')}`,
      'see velocity rig doctor',
    );
  }
  return { unusable, ready: entries.filter((entry) => !unusable.some((other) => other.entry === entry)) };
};

/** @throws OutcomeError `failed` when a board is not as it should be; the reports were written then all the same. */
export const runRig = async (context: Context, options: RunOptions): Promise<void> => {
  const { suites = standardSuites, filter, wait = 0 } = options;
  if (selectCases({ suites, ...(filter ? { filter } : {}) }).length === 0) {
    throw new UsageError(
      `no test matches ${filter ?? suites.join(', ')}`,
      'velocity rig list --tests shows them all',
    );
  }
  const { from, entries } = chooseBoards(options);
  needsQemu(entries, (line) => context.output.note(line));
  const { ready, unusable } = usable(entries);
  const began = performance.now();
  const folder = resolve(options.report ?? newReportFolder('rig-reports', new Date()));
  makeFolder(folder);
  const lines = join(folder, 'report.jsonl');
  writeFileSync(lines, '');
  const events: RigEvent[] = [];
  const tell = say(context, (event) => {
    events.push(event);
    naming(lines, () => appendFileSync(lines, `${JSON.stringify(event)}\n`));
  });
  const start = started(from, folder, ready, suites);
  tell(start);
  for (const { entry, why } of unusable) tell(note(entry.name, `left out: ${why}`));
  await lockAll(context, ready, wait * 1000, tell);
  const imagesFor = await buildImages(
    ready.map(({ board }) => board),
    (text) => context.output.progress(text),
  );
  const sessions: Session[] = ready.map((entry) => ({
    entry,
    images: imagesFor(entry.board),
    suites,
    folder,
    ...(filter ? { filter } : {}),
  }));
  await testAll(context, sessions, tell);
  const summary = summaryOf(
    events,
    ready.map(({ name }) => name),
    Math.round(performance.now() - began),
  );
  tell(summary);
  const consoles = Object.fromEntries(sessions.map((session) => [session.entry.name, consoleOf(session)]));
  const run: Run = { start, events, summary, consoles };
  writeReports(run);
  if (!summary.ok) throw new OutcomeError('failed', 'not every board is as it should be');
};
