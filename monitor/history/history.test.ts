/** The store: what goes in comes out, and what may happen to it meanwhile. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { Entry } from '../entry.ts';
import { entries, event, readingAt, telemetryAt } from '../test/samples.ts';
import {
  entriesOfRun,
  exportTable,
  moduleNames,
  openStore,
  prune,
  type RecorderOptions,
  recordHistory,
  repairStore,
  runsOf,
  type Store,
  StoreError,
  searchLedger,
  seriesOf,
  setRetention,
  takeLedger,
  usedBytes,
} from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-history-'));
test.after.always(() => rmSync(folder, { recursive: true }));
let made = 0;
const newPath = () => {
  made += 1;
  return join(folder, `${made}.db`);
};

const T0 = 1_700_000_000_000;
const silent = { say: () => {} };

/** A recorder of one board. */
const record = (store: Store, port = '/dev/ttyUSB0', options: RecorderOptions = silent) => {
  const recorder = recordHistory(store, options);
  return { ...recorder.board(port), flush: () => recorder.flush(), close: () => recorder.close() };
};

const manyAt = (i: number): Entry => {
  const telemetry = ['fir', 'dense', 'udp'].map((name, at) => ({ ...telemetryAt(10 * i + at + 20), name }));
  return { kind: 'reading', time_ms: T0 + 100 * i, reading: { ...readingAt(10 * i + 20), telemetry } };
};

const filled = (path: string, list: readonly Entry[]) => {
  const recorder = record(openStore(path, { create: true }));
  for (const entry of list) recorder.write(entry);
  recorder.close();
  return path;
};

const readAll = (path: string, run = 1) => {
  const store = openStore(path);
  const all = [...entriesOfRun(store, run)];
  store.close();
  return all;
};

test('what_was_recorded_is_told_again_to_the_bit', (t) => {
  const path = filled(newPath(), entries);
  t.deepEqual(readAll(path), entries);
  const store = openStore(path);
  t.like(runsOf(store)[0], {
    id: 1,
    port: '/dev/ttyUSB0',
    board: readingAt(1).board.board,
    readings: 2,
    events: 1,
  });
  store.close();
});

test('more_than_a_page_of_entries_keeps_its_order', (t) => {
  const list = Array.from({ length: 603 }, (_, i) => manyAt(i));
  const path = filled(newPath(), list);
  t.true(isDeepStrictEqual(readAll(path), list));
  const store = openStore(path);
  t.deepEqual(moduleNames(store, 1).sort(), ['dense', 'fir', 'udp']);
  const series = seriesOf(store, 1, 'fir', 100);
  t.true(series.length > 80 && series.length <= 101);
  t.true(series.every(({ mean }) => mean === 267));
  t.is(
    series.reduce((sum, { calls }) => sum + calls, 0),
    20 + 6020,
  );
  store.close();
});

test('a_board_that_names_two_modules_alike_keeps_no_other_row_from_being_stored', (t) => {
  const alike = { ...readingAt(100), telemetry: [telemetryAt(100), telemetryAt(200)] };
  const list: Entry[] = [{ kind: 'reading', time_ms: T0, reading: alike }, ...entries];
  const told = readAll(filled(newPath(), list));
  t.deepEqual(told.slice(1), entries);
  t.like(told[0], { reading: { telemetry: [telemetryAt(200)] } });
});

test('a_clock_that_jumps_back_changes_no_order', (t) => {
  const list = [manyAt(5), manyAt(2), manyAt(9)];
  t.deepEqual(readAll(filled(newPath(), list)), list);
});

test('a_line_with_zero_bytes_is_kept_whole', (t) => {
  const list: Entry[] = ['before\0behind', '\0', ''].map((line, i) => ({
    kind: 'console',
    time_ms: T0 + i,
    line,
  }));
  const path = filled(newPath(), list);
  t.deepEqual(readAll(path), list);
  const store = openStore(path);
  let text = '';
  exportTable(store, 'console', 'json', {}, (bytes) => {
    text += bytes;
  });
  t.is(JSON.parse(text.split('\n')[0]!).line, 'before\0behind');
  store.close();
});

test('the_export_says_the_same_in_each_format', (t) => {
  const store = openStore(filled(newPath(), entries));
  const textOf = (name: 'telemetry' | 'events' | 'console', format: 'csv' | 'json') => {
    let text = '';
    exportTable(store, name, format, { run: 1 }, (bytes) => {
      text += bytes;
    });
    return text;
  };
  const rows = textOf('telemetry', 'json')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.like(rows[1], {
    module: 'fir',
    calls: 1100,
    cycles: 293_700,
    last_result: '18446744073709551615',
    histogram: '8:1090 9:10',
  });
  t.regex(
    textOf('telemetry', 'csv'),
    /^run,board,port,module,.*\r\n1,"QEMU ""virt""\\\n",\/dev\/ttyUSB0,fir,1700000000010,2,2,/,
  );
  t.like(JSON.parse(textOf('events', 'json')), {
    kind: 'rolled_back',
    name: 'fir',
    before: 267,
    after: 300,
    reason: event.reason,
  });
  t.true(textOf('console', 'csv').includes('velocity 0.1.0 ready'));
  store.close();
});

test('parquet_is_read_back_by_its_reader', async (t) => {
  const { parquetReadObjects } = (await import('hyparquet' as string)) as {
    parquetReadObjects: (options: { file: ArrayBuffer }) => Promise<Record<string, unknown>[]>;
  };
  const store = openStore(filled(newPath(), entries));
  const pieces: Buffer[] = [];
  t.is(
    exportTable(store, 'telemetry', 'parquet', {}, (bytes) => pieces.push(Buffer.from(bytes as Uint8Array))),
    2,
  );
  const file = new Uint8Array(Buffer.concat(pieces)).buffer;
  const rows = await parquetReadObjects({ file });
  t.like(rows[1], { module: 'fir', calls: 1100n, last_result: 2n ** 64n - 1n, time_ms: new Date(T0 + 1010) });
  store.close();
});

test('an_empty_table_is_a_file_with_its_columns', (t) => {
  const store = openStore(filled(newPath(), []), {});
  const pieces: (string | Uint8Array)[] = [];
  for (const format of ['csv', 'json', 'parquet'] as const)
    t.is(
      exportTable(store, 'ledger', format, {}, (bytes) => pieces.push(bytes)),
      0,
    );
  t.is(pieces[0], 'time_ms,seq,module,kind,hash,body\r\n');
  store.close();
});

const ledgerLine = (seq: number, kind: string) =>
  JSON.stringify({
    seq,
    time: '2026-01-02T03:04:05.000Z',
    prev: '00',
    kind,
    module: 'fir',
    reason: `why ${seq}`,
  });

test('ledger_lines_are_taken_over_once_and_found_by_words', (t) => {
  const store = openStore(newPath(), { create: true });
  const text = `${ledgerLine(1, 'detect')}\n${ledgerLine(2, 'proposal')}\nno ledger line\n${ledgerLine(3, 'push').slice(0, 20)}`;
  t.deepEqual(takeLedger(store, text), { taken: 2, known: 0, unreadable: 1 });
  t.deepEqual(takeLedger(store, text), { taken: 0, known: 2, unreadable: 1 });
  t.deepEqual(
    searchLedger(store, ['PROPOSAL', 'why']).map(({ seq }) => seq),
    [2],
  );
  store.close();
});

test('two_monitors_write_one_store', (t) => {
  const path = newPath();
  const both = [1, 2].map((i) => record(openStore(path, { create: true }), `p${i}`));
  for (let i = 0; i < 20; i += 1)
    for (const recorder of both) {
      recorder.write(manyAt(i));
      recorder.flush();
    }
  for (const recorder of both) recorder.close();
  const expected = Array.from({ length: 20 }, (_, i) => manyAt(i));
  t.deepEqual(readAll(path, 1), expected);
  t.deepEqual(readAll(path, 2), expected);
});

test('a_writer_that_does_not_let_go_is_named_and_loses_nothing', (t) => {
  const path = newPath();
  const other = openStore(path, { create: true });
  const said: string[] = [];
  const recorder = record(openStore(path, { busyMs: 50 }), 'p', { say: (line) => said.push(line) });
  recorder.write(manyAt(1));
  other.sql.exec('BEGIN IMMEDIATE');
  const error = t.throws(() => recorder.flush(), { instanceOf: StoreError });
  t.is((error as StoreError).code, 'store_busy');
  other.sql.exec('ROLLBACK');
  recorder.close();
  t.deepEqual(readAll(path), [manyAt(1)]);
  other.close();
});

test('on_a_full_disk_what_was_stored_stays_and_what_waits_is_stored_later', (t) => {
  const path = filled(newPath(), [manyAt(1)]);
  const store = openStore(path);
  const recorder = record(store);
  const pages = Object.values(store.numbers('PRAGMA page_count')!)[0]!;
  store.sql.exec(`PRAGMA max_page_count = ${pages}`);
  const list = Array.from({ length: 300 }, (_, i) => manyAt(i));
  for (const entry of list) recorder.write(entry);
  const error = t.throws(() => recorder.flush(), { instanceOf: StoreError });
  t.is((error as StoreError).code, 'store_full');
  t.deepEqual([...entriesOfRun(store, 1)], [manyAt(1)]);
  store.sql.exec('PRAGMA max_page_count = 1000000');
  recorder.close();
  t.true(isDeepStrictEqual(readAll(path, 2), list));
});

test('a_file_that_may_not_grow_says_so_once_and_keeps_what_it_had', (t) => {
  const path = filled(newPath(), [manyAt(1)]);
  const script = `process.on('SIGXFSZ', () => {}); const { writeSome } = await import('./monitor/history/test/writer.ts'); writeSome(process.argv[1], 3000);`;
  const command = `ulimit -f ${Math.ceil(statSync(path).size / 1024) + 40}; exec node --import=tsx --input-type=module -e "$1" "$2"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command, 'bash', script, path], { encoding: 'utf8' });
  t.regex(stdout, /^SAID .*(disk is full|cannot be used)/m, stderr);
  const store = openStore(path);
  t.deepEqual([...entriesOfRun(store, 1)], [manyAt(1)]);
  t.is(Object.values(store.all('PRAGMA quick_check')[0]!)[0], 'ok');
  store.close();
});

test('killed_while_it_writes_it_keeps_every_flush_that_ended', async (t) => {
  t.timeout(300_000);
  for (const enough of [1, 4]) {
    const path = newPath();
    const child = spawn(process.execPath, ['--import=tsx', 'monitor/history/test/writer.ts', path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = 0;
    for await (const text of child.stdout) {
      told = Math.max(told, ...[...String(text).matchAll(/^flushed (\d+)$/gm)].map(([, n]) => Number(n)));
      if (told >= enough * 20) child.kill('SIGKILL');
    }
    await once(child, 'close').catch(() => {});
    const all = readAll(path);
    t.true(all.length >= told && told >= enough * 20, `${all.length} of ${told}`);
    t.true(
      isDeepStrictEqual(
        all,
        Array.from({ length: all.length }, (_, i) => manyAt(i)),
      ),
    );
    t.is(all.length % 20, 0);
  }
});

test('a_truncated_store_is_refused_and_repaired_as_far_as_it_can_be_read', (t) => {
  const path = filled(
    newPath(),
    Array.from({ length: 2000 }, (_, i) => manyAt(i)),
  );
  truncateSync(path, Math.floor(statSync(path).size * 0.7));
  const error = t.throws(() => readAll(path), { instanceOf: StoreError }) as StoreError;
  t.is(error.code, 'store_damaged');
  const { saved, whole, kept } = repairStore(path);
  t.false(whole);
  t.true(statSync(kept).size > 0);
  t.true(saved.entries! + saved.telemetry! > 1000, JSON.stringify(saved));
  const all = readAll(path);
  t.true(all.length > 0);
  const recorder = record(openStore(path));
  recorder.write(manyAt(7));
  recorder.close();
  t.deepEqual(readAll(path, 2), [manyAt(7)]);
});

test('foreign_newer_and_missing_stores_are_refused_and_left_alone', (t) => {
  const text = newPath();
  writeFileSync(text, 'minutes of the meeting');
  const newer = filled(newPath(), entries);
  const other = openStore(newer);
  other.sql.exec('PRAGMA user_version = 99');
  other.close();
  const foreign = filled(newPath(), entries);
  const changed = openStore(foreign);
  changed.sql.exec('PRAGMA application_id = 5');
  changed.close();
  const codeOf = (path: string, open: (path: string) => unknown = openStore) => {
    const { code, message } = t.throws(() => open(path), { instanceOf: StoreError }) as StoreError;
    t.true(message.startsWith(`${path}: `), message);
    return code;
  };
  t.is(codeOf(join(folder, 'none.db'), repairStore), 'store_missing');
  t.is(codeOf(text, repairStore), 'store_foreign');
  const empty = newPath();
  writeFileSync(empty, '');
  t.is(codeOf(empty, repairStore), 'store_unreadable');
  t.is(codeOf(text), 'store_foreign');
  t.is(codeOf(folder), 'store_foreign');
  t.is(codeOf(newer), 'store_newer');
  t.is(codeOf(foreign), 'store_foreign');
  t.is(codeOf(join(folder, 'none.db')), 'store_missing');
  t.false(readdirSync(folder).includes('none.db'));
});

test('old_runs_go_by_age_and_by_size_and_the_ledger_stays', (t) => {
  const path = filled(
    newPath(),
    Array.from({ length: 300 }, (_, i) => manyAt(i)),
  );
  filled(
    path,
    Array.from({ length: 2000 }, (_, i) => ({ ...manyAt(i), time_ms: T0 + 86_400_000 * 50 + i })),
  );
  const store = openStore(path);
  takeLedger(store, `${ledgerLine(1, 'detect')}\n`);
  setRetention(store, { days: 40 });
  prune(store, { now: T0 + 86_400_000 * 80 });
  t.deepEqual(
    runsOf(store).map(({ id }) => id),
    [2],
  );
  const bytes = Math.floor(usedBytes(store) / 2);
  setRetention(store, { bytes });
  prune(store, { now: T0 + 86_400_000 * 80, going: [2] });
  t.true(usedBytes(store) <= bytes);
  const left = [...entriesOfRun(store, 2)];
  t.true(left.length > 200 && left.length < 2000);
  t.is(left.at(-1)?.time_ms, T0 + 86_400_000 * 50 + 1999);
  t.is(searchLedger(store, []).length, 1);
  store.close();
  t.true(statSync(path).size < 2 * bytes);
});

test('a_clock_that_jumps_ahead_does_not_make_everything_old', (t) => {
  const path = filled(newPath(), [manyAt(1), manyAt(2)]);
  filled(path, [{ ...manyAt(3), time_ms: T0 + 86_400_000 * 5000 }]);
  const store = openStore(path);
  prune(store, { now: T0 + 86_400_000 * 5000, going: [2] });
  t.deepEqual(
    runsOf(store).map(({ id }) => id),
    [1, 2],
  );
  t.deepEqual([...entriesOfRun(store, 1)], [manyAt(1), manyAt(2)]);
  store.close();
});

const DAY_MS = 86_400_000;
const idsOf = (store: Store) => runsOf(store).map(({ id }) => id);
/** A store with a run a day, of the days since T0. */
const daysAt = (days: readonly number[]): Store => {
  const path = newPath();
  for (const day of days) filled(path, [{ ...manyAt(1), time_ms: T0 + DAY_MS * day }]);
  return openStore(path);
};
const IN_1970 = -Math.floor(T0 / DAY_MS);

test('a_run_under_a_clock_that_said_1970_is_as_old_as_the_next', (t) => {
  const store = daysAt([IN_1970, 0, IN_1970, 1, 80]);
  prune(store, { now: T0 + DAY_MS * 80 });
  t.deepEqual(idsOf(store), [1, 2, 3, 4, 5]);
  setRetention(store, { days: 78 });
  prune(store, { now: T0 + DAY_MS * 80 });
  t.deepEqual(idsOf(store), [5]);
  store.close();
});

test('runs_in_a_row_under_a_clock_far_ahead_take_no_others_with_them', (t) => {
  const store = daysAt([0, 1, 5000, 5001]);
  prune(store, { now: T0 + DAY_MS * 5001 });
  t.deepEqual(idsOf(store), [1, 2, 3, 4]);
  store.close();
  const righted = daysAt([0, 5000, 5001, 100]);
  prune(righted, { now: T0 + DAY_MS * 100 });
  t.deepEqual(idsOf(righted), [2, 3, 4]);
  righted.close();
});

test('a_run_in_which_the_clock_was_set_stays_whole', (t) => {
  const path = filled(newPath(), [{ ...manyAt(1), time_ms: 1000 }, manyAt(2)]);
  filled(path, [{ ...manyAt(1), time_ms: 1000 }, manyAt(3)]);
  const store = openStore(path);
  prune(store, { now: T0 + DAY_MS, going: [2] });
  t.deepEqual(
    [1, 2].map((run) => [...entriesOfRun(store, run)].length),
    [2, 2],
  );
  store.close();
});

test('a_run_that_goes_on_loses_what_is_older_than_is_kept', (t) => {
  const path = filled(
    newPath(),
    [0, 99, 100].map((day) => ({ ...manyAt(1), time_ms: T0 + DAY_MS * day })),
  );
  filled(path, [{ ...manyAt(1), time_ms: T0 + DAY_MS * 100 }]);
  const store = openStore(path);
  prune(store, { now: T0 + DAY_MS * 100, going: [1] });
  t.deepEqual(
    [...entriesOfRun(store, 1)].map(({ time_ms }) => time_ms),
    [99, 100].map((day) => T0 + DAY_MS * day),
  );
  store.close();
});
