/** `velocity history`, and a monitor that writes what it reads. */
import { copyFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { growing, watched } from '../link/test/watched.ts';
import { event, module, telemetryAt } from '../monitor/test/samples.ts';
import { boardOnSocket, jsonLines, temporaryFolder, velocity } from './test/command-line.ts';

const folder = temporaryFolder();

/** A board with one module, watched for three readings. */
const record = async (store: string) => {
  const { port } = await boardOnSocket(
    watched({ telemetry: growing(telemetryAt, 100, 50), module, events: [event] }),
  );
  return velocity('monitor', '--port', port, '--count', '3', '--interval', '10', '--store', store, '--json');
};

test('a_monitor_stores_what_it_reads_and_shows_it_again', async (t) => {
  const store = join(folder, 'one.db');
  const live = await record(store);
  t.is(live.exit, 0, live.stderr);
  const listed = jsonLines(await velocity('history', 'list', '--store', store, '--json'));
  t.like(listed[0], { event: 'run', id: 1, board: 'fake', readings: 3, events: 1, dropped: 0 });
  t.regex(
    (await velocity('history', 'show', '1', '--store', store)).stdout,
    /^fir +\d+ calls, 267 to 267 cycles a call/m,
  );
  const again = await velocity('monitor', '--replay', '1', '--speed', '0', '--store', store, '--json');
  t.is(again.stdout, live.stdout);
});

test('a_time_that_is_listed_is_the_same_time_when_it_is_given_in_any_zone', async (t) => {
  const store = join(folder, 'zone.db');
  await record(store);
  const listed = (await velocity('history', 'list', '--store', store)).stdout;
  const [time] = /\S+T\S+/.exec(listed)!;
  const rowsFrom = async (from: string) => {
    const options = ['--from', from, '--out', join(folder, 'zone.csv'), '--store', store, '--json'];
    const result = await velocity('history', 'export', ...options);
    return result.exit === 0 ? jsonLines(result)[0]?.rows : result.exit;
  };
  const zone = process.env.TZ;
  for (process.env.TZ of ['America/New_York', 'Asia/Tokyo']) {
    t.is(await rowsFrom(time), 3, process.env.TZ);
    t.is(await rowsFrom(`${Number(time.slice(0, 4)) + 1}${time.slice(4)}`), 0);
  }
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
  for (const none of ['5', 'yesterday', '10:00']) t.is(await rowsFrom(none), 2, none);
});

test('a_run_leaves_the_store_in_every_format', async (t) => {
  const store = join(folder, 'two.db');
  await record(store);
  const sizes: Record<string, number> = {};
  for (const format of ['csv', 'json', 'parquet', 'recording']) {
    const out = join(folder, `run.${format}`);
    const { exit, stderr } = await velocity(
      'history',
      'export',
      '--run',
      '1',
      '--format',
      format,
      '--out',
      out,
      '--store',
      store,
    );
    t.is(exit, 0, stderr);
    sizes[format] = statSync(out).size;
  }
  t.is(readFileSync(join(folder, 'run.csv'), 'utf8').trim().split('\r\n').length, 4);
  const replayed = await velocity(
    'monitor',
    '--replay',
    join(folder, 'run.recording'),
    '--speed',
    '0',
    '--json',
  );
  t.is(jsonLines(replayed).filter((line) => line.event === 'telemetry').length, 3);
  t.is(readFileSync(join(folder, 'run.parquet')).subarray(-4).toString(), 'PAR1');
});

test('what_is_wrong_with_a_store_has_its_code_and_its_hint', async (t) => {
  const store = join(folder, 'three.db');
  const missing = await velocity('history', 'list', '--store', store);
  t.is(missing.exit, 10);
  t.regex(missing.stderr, /there is no history store[\s\S]*velocity monitor --store/);
  await record(store);
  t.regex((await velocity('history', 'show', '7', '--store', store)).stderr, /there is no run 7/);
  const cut = join(folder, 'cut.db');
  copyFileSync(store, cut);
  truncateSync(cut, statSync(cut).size - 5000);
  const damaged = await velocity('history', 'list', '--store', cut);
  t.is(damaged.exit, 10);
  t.regex(damaged.stderr, /the store is damaged[\s\S]*velocity history repair/);
  const repaired = await velocity('history', 'repair', '--store', cut);
  t.is(repaired.exit, 0, repaired.stderr);
  t.regex(repaired.stdout, /1 of runs/);
  t.is((await velocity('history', 'list', '--store', cut)).exit, 0);
});
