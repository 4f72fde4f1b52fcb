/** The history store with millions of rows: how much of a core it takes to store them, and how quickly it answers. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  entriesOfRun,
  exportTable,
  moduleNames,
  openStore,
  recordHistory,
  runsOf,
  type Store,
  seriesOf,
} from '../../monitor/history/index.ts';
import type { Entry } from '../../monitor/index.ts';
import { readingAt, telemetryAt } from '../../monitor/test/samples.ts';
import { atMost, type Metric } from './metric.ts';

const MODULES = 64;
const RUNS = 10;
/** A chart's width. */
const POINTS = 600;

/** Nothing of it is old enough to be deleted. */
const BEGIN = Date.now() - 86_400_000;

const readingOf = (i: number): Entry => {
  const telemetry = Array.from({ length: MODULES }, (_, at) => ({
    ...telemetryAt(100 * (i + 1) + at),
    name: `module-${at}`,
  }));
  return { kind: 'reading', time_ms: BEGIN + i * 100, reading: { ...readingAt(1), telemetry } };
};

/** Processor time in microseconds: what else the machine does is not in it. */
const fill = (path: string, readings: number): number => {
  const from = process.cpuUsage();
  for (let run = 0; run < RUNS; run += 1) {
    const recorder = recordHistory(openStore(path, { create: true }), { say: () => {} });
    const { write } = recorder.board(`board-${run}`);
    for (let i = 0; i < readings; i += 1) write(readingOf(i));
    recorder.close();
  }
  const { user, system } = process.cpuUsage(from);
  return user + system;
};

/** Wall time in milliseconds. */
const took = (work: () => unknown): number => {
  const from = performance.now();
  work();
  return performance.now() - from;
};

const firstEntries = (store: Store, run: number, most: number) => {
  let left = most;
  for (const _ of entriesOfRun(store, run)) {
    left -= 1;
    if (left <= 0) return;
  }
};

/** @param rows rows of telemetry, spread over ten boards with 64 modules each */
export const historyMetrics = (rows: number, say: (line: string) => void): Metric[] => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-bench-'));
  const path = join(folder, 'history.db');
  try {
    const readings = Math.ceil(rows / RUNS / MODULES);
    const total = readings * RUNS * MODULES;
    say(`storing ${total} rows of telemetry…`);
    const stored = fill(path, readings);
    const bytes = statSync(path).size;
    const opened = took(() => openStore(path).close());
    const store = openStore(path);
    const metrics = [
      atMost('history_store_row', stored / total, 'µs of a core', 31), // 50 boards × 64 modules × 10 Hz
      atMost('history_bytes_per_row', bytes / total, 'bytes', 80),
      atMost('history_open', opened, 'ms', 100),
      atMost(
        'history_list',
        took(() => runsOf(store)),
        'ms',
        100,
      ),
      atMost(
        'history_modules_of_run',
        took(() => moduleNames(store, 5)),
        'ms',
        100,
      ),
      atMost(
        'history_chart_of_module',
        took(() => seriesOf(store, 5, 'module-33', POINTS)),
        'ms',
        100,
      ),
      atMost(
        'history_charts_of_run',
        took(() => moduleNames(store, 5).map((name) => seriesOf(store, 5, name, POINTS))),
        'ms',
        2000,
      ),
      atMost(
        'history_replay_begins',
        took(() => firstEntries(store, RUNS, 1)),
        'ms',
        1000,
      ),
      atMost(
        'history_export_of_module',
        took(() => exportTable(store, 'telemetry', 'parquet', { run: 5, module: 'module-33' }, () => {})),
        'ms',
        2000,
      ),
    ];
    store.close();
    return metrics;
  } finally {
    rmSync(folder, { recursive: true });
  }
};
