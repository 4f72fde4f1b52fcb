/** What was read of a board is kept when the reading is stopped, or the board goes away or starts anew meanwhile. */
import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { SAMPLE_BYTES } from '../abi/index.ts';
import type { Handlers } from '../link/test/fake-board.ts';
import { growing, watched } from '../link/test/watched.ts';
import { makeCleanup } from './cleanup.ts';
import { boardOnSocket, jsonLines, runningOn, temporaryFolder } from './test/command-line.ts';

const rowAt = (calls: number) => ({
  name: 'fir',
  version: 1,
  calls: BigInt(calls),
  cycles: BigInt(calls * 100),
  min: 90n,
  max: 200n,
  time_ns: BigInt(calls) * 1_000_000n,
  last_result: 0n,
  histogram: [calls],
});

const EVERY = 8;
/** Of core 0, in a module. */
const oneSample = new Uint8Array(SAMPLE_BYTES).fill(1);

/** A board that is watched; `told` is what it was told to record. It has started anew at the n-th of these. */
const recording = (restartsAt = Number.POSITIVE_INFINITY) => {
  const told: (number | undefined)[] = [];
  const handlers: Handlers = {
    ...watched({ telemetry: growing(rowAt, 1, 10) }),
    profile: ({ every }) => {
      told.push(every);
      const restarted = told.length > restartsAt;
      return {
        every: restarted ? 0 : (every ?? EVERY),
        time_ns: restarted ? 1n : BigInt(told.length) * 1_000_000n,
        lost: 0n,
        data: restarted ? new Uint8Array(0) : oneSample,
      };
    },
    trace: ({ on }) => {
      told.push(on === undefined ? undefined : Number(on));
      return { on: on ?? true, time_ns: 1n, lost: 0n, data: new Uint8Array(0) };
    },
  };
  return { handlers, told };
};

const seen = async (condition: () => boolean) => {
  while (!condition()) await sleep(10);
};

for (const [name, more] of [
  ['readings', []],
  ['single_runs', ['--runs']],
] as const)
  test(`a_trace_of_${name}_that_is_stopped_is_written_as_far_as_it_went`, async (t) => {
    const { handlers, told } = recording();
    let readings = 0;
    const { port } = await boardOnSocket({
      ...handlers,
      report: (request) => {
        readings += 1;
        return handlers.report!(request);
      },
    });
    const [out, cleanup] = [join(temporaryFolder(), 'a.pftrace'), makeCleanup()];
    const options = ['--perfetto', out, '--interval', '20', '--count', '100000', ...more, '--json'];
    const { ended } = runningOn({ cleanup }, 'trace', '--port', port, ...options);
    await seen(() => readings > 3);
    cleanup.abort();
    await cleanup.run(); // the process ends with it
    t.true(readFileSync(out).length > 0);
    const result = await ended;
    t.is(result.exit, 130);
    const [fact] = jsonLines(result);
    t.like(fact, { event: 'traced', path: out, whole: false });
    if (name === 'single_runs') t.is(told.at(-1), 0, 'the board was told to record no more');
  });

test('a_trace_of_a_board_that_went_away_is_written_as_far_as_it_went', async (t) => {
  const { handlers } = recording();
  let readings = 0;
  const board = await boardOnSocket({
    ...handlers,
    report: (request) => {
      readings += 1;
      return handlers.report!(request);
    },
  });
  const [out, cleanup] = [join(temporaryFolder(), 'a.pftrace'), makeCleanup()];
  const options = ['--perfetto', out, '--interval', '20', '--count', '100000', '--json'];
  const { ended } = runningOn({ cleanup }, 'trace', '--port', board.port, ...options);
  await seen(() => readings > 3);
  await board.transport.close();
  cleanup.abort();
  t.like(jsonLines(await ended)[0], { event: 'traced', whole: false });
  t.true(readFileSync(out).length > 0);
});

test('what_is_written_to_a_device_does_not_take_its_place', async (t) => {
  const out = join(temporaryFolder(), 'a.pftrace');
  symlinkSync('/dev/null', out);
  const { port } = await boardOnSocket(recording().handlers);
  const { ended } = runningOn({}, 'trace', '--port', port, '--perfetto', out, '--count', '1');
  t.is((await ended).exit, 0);
  t.true(statSync(out).isCharacterDevice());
});

test('no_trace_is_written_of_a_board_that_told_nothing', async (t) => {
  const out = join(temporaryFolder(), 'a.pftrace');
  const { ended } = runningOn({}, 'trace', '--port', 'unix:/nowhere', '--perfetto', out);
  t.is((await ended).exit, 4);
  t.false(existsSync(out));
});

test('a_profile_that_is_stopped_is_written_and_the_board_samples_no_more', async (t) => {
  const { handlers, told } = recording();
  const { port } = await boardOnSocket(handlers);
  const [out, cleanup] = [join(temporaryFolder(), 'a.folded'), makeCleanup()];
  const { ended } = runningOn({ cleanup }, 'profile', '--port', port, '--seconds', '600', '--folded', out);
  await seen(() => told.length > 4);
  cleanup.abort();
  await cleanup.run(); // the process ends with it
  t.is(told.at(-1), 0);
  t.regex(readFileSync(out, 'utf8'), /\d\n$/);
  await ended;
});

test('a_profile_of_a_board_that_starts_anew_ends_with_what_there_is', async (t) => {
  const { handlers } = recording(5);
  const { port } = await boardOnSocket(handlers);
  const out = join(temporaryFolder(), 'a.folded');
  const { ended } = runningOn({}, 'profile', '--port', port, '--seconds', '600', '--folded', out, '--json');
  const result = await ended;
  t.is(result.exit, 15, result.stderr);
  t.regex(readFileSync(out, 'utf8'), /\d\n$/);
  const lines = jsonLines(result);
  t.like(lines[0], { event: 'profile', samples: 4, seconds: 0.004 });
  t.like(lines.at(-1), { event: 'error', code: 'failed' });
});
