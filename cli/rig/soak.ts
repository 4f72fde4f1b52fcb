/** `velocity rig soak`: virtual boards for hours of their own time, with everything that can happen to them. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { paths } from '../../firmware/index.ts';
import { writeChanged } from '../../firmware/write.ts';
import { lockBoard, type RigBoard } from '../../rig/index.ts';
import { peopleCause } from '../../rig/report/index.ts';
import { type SoakResult, type SoakStep, soak } from '../../rig/soak/engine.ts';
import type { Context } from '../context.ts';
import { OutcomeError, UsageError } from '../failure.ts';
import { Attendant } from './attendant.ts';
import { type BenchOptions, buildImages, chooseBoards, needsQemu, whyUnusable } from './prepare.ts';
import type { Images } from './session.ts';

export type SoakCommand = BenchOptions & {
  readonly hours: number;
  readonly seed?: number;
  readonly steps?: number;
  readonly verbose?: boolean;
  /** File for the results, one JSON object a line. */
  readonly out?: string;
  readonly wait: number;
};

const line = ({ board, n, action, what, board_seconds }: SoakStep) =>
  `${board}  ${String(n).padStart(5)}  ${String(board_seconds).padStart(6)} s  ${action.padEnd(8)} ${what}`;

const summaryLines = (result: SoakResult): string[] => {
  const {
    board,
    seed,
    ok,
    steps,
    board_hours,
    ticks,
    events,
    bytes_lost,
    bytes_changed,
    resent,
    starts,
    wall_seconds,
    actions,
  } = result;
  const replay = `velocity rig soak --board ${board} --seed ${seed} --steps ${result.failed?.n ?? steps}`;
  return [
    `${ok ? 'ok  ' : 'FAIL'} ${board}: seed ${seed}, ${steps} steps in ${board_hours} hours of board time (${wall_seconds} s on the wall)`,
    `       ${ticks} ticks followed, ${events} events matched with the counters, ${starts} starts, ${bytes_lost} bytes lost and ${bytes_changed} changed on the line, ${resent} messages sent again`,
    `       ${Object.entries(actions)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    ...(result.failed
      ? [`       step ${result.failed.n} (${result.failed.action}) failed; to replay it: ${replay}`]
      : []),
    ...(result.cause ? peopleCause(result.cause, '       ') : []),
  ];
};

const soakOne = async (
  context: Context,
  entry: RigBoard,
  images: Images,
  command: Required<Pick<SoakCommand, 'seed'>> & SoakCommand,
) => {
  const { output, cleanup } = context;
  const folder = mkdtempSync(join(tmpdir(), 'velocity-soak-'));
  const attendant = new Attendant({ entry, images, suites: [], folder }, (event) => {
    if (event.event === 'phase' && event.cause) output.note(`${entry.name}: ${event.cause.sentence}`);
  });
  const end = cleanup.add(async () => {
    await attendant.end();
    rmSync(folder, { recursive: true, force: true });
  });
  try {
    await attendant.start();
    const { seed, hours, steps } = command;
    const options = { seed, boardSeconds: hours * 3600, signal: cleanup.signal, ...(steps ? { steps } : {}) };
    const result = await soak(attendant.bench, options, (step) => {
      output.progress(line(step));
      if (output.json || command.verbose) output.fact(step, line(step));
    });
    const cause = result.ok ? undefined : await attendant.emulatorEnd();
    return cause ? { ...result, cause } : result;
  } finally {
    await end();
  }
};

/** Real boards would be reset and fed noise by whoever holds their line; a soak is for those that are ours alone. */
const chooseEmulated = (command: SoakCommand): RigBoard[] => {
  const { entries } = chooseBoards(command);
  const emulated = entries.filter(({ kind }) => kind === 'emulated');
  const usable = emulated.filter((entry) => whyUnusable(entry) === undefined);
  if (usable.length > 0) return usable;
  throw new UsageError(
    'no board of this bench can be emulated here',
    'a soak runs on virtual boards; see velocity rig doctor',
  );
};

/** @throws OutcomeError `failed` when a step found something */
export const runSoak = async (context: Context, options: SoakCommand): Promise<void> => {
  const { output, cleanup } = context;
  const entries = chooseEmulated(options);
  needsQemu(entries, (text) => output.note(text));
  const seed = options.seed ?? randomInt(2 ** 32);
  const locking = {
    root: paths.state,
    command: 'velocity rig soak',
    waitMs: options.wait * 1000,
    say: (text: string) => output.note(text),
  };
  for (const entry of entries) cleanup.add(await lockBoard(entry, locking));
  const imagesFor = await buildImages(
    entries.map(({ board }) => board),
    (text) => output.progress(text),
  );
  output.print(
    `seed ${seed}, ${options.hours} hours of board time each: ${entries.map(({ name }) => name).join(', ')}`,
  );
  const settled = await Promise.allSettled(
    entries.map((entry) => soakOne(context, entry, imagesFor(entry.board), { ...options, seed })),
  );
  const results = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  for (const result of results) output.fact(result, summaryLines(result).join('\n'));
  if (options.out) {
    const path = resolve(options.out);
    writeChanged(path, results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  }
  const broken = settled.find((each) => each.status === 'rejected');
  if (broken) throw broken.reason; // said with its cause when it happened; the other boards went on
  if (results.some(({ ok }) => !ok)) throw new OutcomeError('failed', 'a soak found something');
};
