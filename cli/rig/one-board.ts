/** Runs the tests of one board in a process of its own, by ava, and passes on what that records. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../../firmware/index.ts';
import { release, spawnGroupLeashed } from '../../rig/child.ts';
import type { RigEvent } from '../../rig/report/index.ts';
import { selectCases } from '../../rig/suites/index.ts';
import { ownFile } from '../own-command.ts';
import { recordPath, SESSION_VARIABLE, type Session, TEMPORARY_VARIABLE, writeSession } from './session.ts';
import { tail } from './tail.ts';

const POLL_MS = 100;
const OUTPUT_BYTES = 8000;

/** ava's command line, wherever npm put the package. */
const avaProgram = () => join(dirname(createRequire(import.meta.url).resolve('ava')), 'cli.mjs');

const startAva = (session: Session, temporary: string) =>
  spawnGroupLeashed(
    process.execPath,
    [avaProgram(), '--config', ownFile('cli/rig/ava.config.mjs'), '--tap', ownFile('cli/rig/on-board.ts')],
    {
      cwd: root,
      env: {
        ...process.env,
        [SESSION_VARIABLE]: writeSession(session),
        AVA_FORCE_CI: 'not-ci',
        [TEMPORARY_VARIABLE]: temporary,
      },
    },
  );

/** What ava said that no record holds: it is needed only when a process died. */
const lastWords = (output: string) =>
  output
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(TAP version|ok |1\.\.|# |---)/.test(line.trim()))
    .slice(-12)
    .join(' / ');

/** Tests of which nothing was recorded: the board did not start, or the process that tests it has a defect. */
const unrecorded = (
  session: Session,
  seen: ReadonlySet<string>,
  broken: string | undefined,
  said: string,
): RigEvent[] =>
  selectCases(session)
    .filter(({ suite, name }) => !seen.has(`${suite}: ${name}`))
    .map(({ suite, name }) => ({
      event: 'test',
      board: session.entry.name,
      suite,
      test: name,
      ms: 0,
      attempts: [],
      log: [],
      ...(broken
        ? { outcome: 'skipped', why: broken }
        : { outcome: 'failed', cause: { code: 'rig', sentence: `the test left no record: ${said}` } }),
    }));

export type Child = {
  readonly done: Promise<void>;
  /** Ends what tests the board, and waits until it is gone; what it left undone is no failure then. */
  readonly stop: () => Promise<void>;
};

/** `take` is called with each event of this board, in order. */
export const testBoard = (session: Session, take: (event: RigEvent) => void): Child => {
  const seen = new Set<string>();
  let broken: string | undefined;
  let ended = false;
  let stopping = false;
  const read = tail<RigEvent>(recordPath(session), (event) => {
    if (event.event === 'test') seen.add(`${event.suite}: ${event.test}`);
    if (event.event === 'phase' && !event.passed) broken = `the board did not start: ${event.phase} failed`;
    if (event.event === 'board_end') ended = true;
    take(event);
  });
  const temporary = mkdtempSync(join(tmpdir(), 'velocity-rig-'));
  const child = startAva(session, temporary);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-OUTPUT_BYTES);
    });
  }
  const timer = setInterval(read, POLL_MS);
  const done = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  }).then((status) => {
    clearInterval(timer);
    child.stdin.destroy();
    rmSync(temporary, { recursive: true, force: true });
    read();
    if (stopping) return;
    if (!broken && (!ended || (status !== 0 && seen.size === 0))) {
      const sentence = `the process that tests ${session.entry.name} ended with status ${status}: ${lastWords(output)}`;
      take({
        event: 'phase',
        board: session.entry.name,
        phase: 'boot',
        passed: false,
        ms: 0,
        detail: 'the test process ended early',
        cause: { code: 'rig', sentence, advice: 'please report it with the folder of this run' },
      });
      broken = 'the test process ended early';
    }
    for (const event of unrecorded(session, seen, broken, lastWords(output))) take(event);
  });
  const stop = async () => {
    stopping = true;
    await release(child, done);
  };
  return { done, stop };
};
