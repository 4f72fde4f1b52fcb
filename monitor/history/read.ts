/** What a store tells: its runs, the entries of one, a module over time, events and ledger lines. */
import type { Telemetry } from '../../link/index.ts';
import type { Entry } from '../entry.ts';
import { StoreError } from './errors.ts';
import { modulesOf } from './retention.ts';
import { entryOf, telemetryOf, textIn } from './rows.ts';
import type { Row, Store } from './store.ts';

export type Run = {
  readonly id: number;
  readonly started_ms: number;
  readonly ended_ms: number;
  readonly port: string;
  /** Model of the board; empty when it never answered. */
  readonly board: string;
  readonly readings: number;
  readonly events: number;
  /** Entries that a full disk left no room for. */
  readonly dropped: number;
};

const runOf = (row: Row): Run => ({
  id: Number(row.id),
  started_ms: Number(row.started_ms),
  ended_ms: Number(row.ended_ms),
  port: String(row.port),
  board: String(row.board),
  readings: Number(row.readings),
  events: Number(row.events),
  dropped: Number(row.dropped),
});

/** Oldest first. */
export const runsOf = (store: Store): Run[] => store.all('SELECT * FROM runs ORDER BY id').map(runOf);

/** @throws StoreError `store_missing` when there is no such run */
export const runNumbered = (store: Store, id: number): Run => {
  const row = store.all('SELECT * FROM runs WHERE id = ?', id)[0];
  if (row) return runOf(row);
  throw new StoreError(
    store.path,
    'store_missing',
    `there is no run ${id}; \`velocity history list\` lists them`,
  );
};

export const moduleNames = (store: Store, run: number): string[] =>
  modulesOf(store, run).map((id) => String(store.all('SELECT body FROM texts WHERE id = ?', id)[0]?.body));

const PAGE = 500;

const telemetryOfPage = (store: Store, run: number, modules: readonly number[], from: number, to: number) => {
  const found = new Map<number, [place: number, Telemetry][]>();
  for (const module of modules) {
    const rows = store.all(
      `SELECT telemetry.*, texts.body AS name FROM telemetry JOIN texts ON texts.id = module
       WHERE run = ? AND module = ? AND n BETWEEN ? AND ?`,
      run,
      module,
      from,
      to,
    );
    for (const row of rows) {
      const list = found.get(Number(row.n)) ?? [];
      list.push([Number(row.place), telemetryOf(row)]);
      found.set(Number(row.n), list);
    }
  }
  const inOrder = (list: [number, Telemetry][]) => list.sort(([a], [b]) => a - b).map(([, t]) => t);
  return new Map([...found].map(([n, list]) => [n, inOrder(list)]));
};

/** Entries of a run in the order in which the monitor was told; a part of them is in memory at a time. */
export function* entriesOfRun(store: Store, run: number): Generator<Entry> {
  const modules = modulesOf(store, run);
  for (let last = 0; ; ) {
    const rows = store.all(
      `SELECT n, time_ms, kind, entries.body, b.body AS board, m.body AS modules FROM entries
       LEFT JOIN texts b ON b.id = entries.board LEFT JOIN texts m ON m.id = entries.modules
       WHERE run = ? AND n > ? ORDER BY n LIMIT ${PAGE}`,
      run,
      last,
    );
    if (rows.length === 0) return;
    const telemetry = telemetryOfPage(store, run, modules, last + 1, Number(rows.at(-1)!.n));
    for (const { n, time_ms, kind, body, board, modules: list } of rows) {
      const texts = {
        body: textIn(body!),
        ...(board ? { board: String(board), modules: String(list) } : {}),
      };
      yield entryOf(Number(kind), Number(time_ms), texts, telemetry.get(Number(n)) ?? []);
    }
    last = Number(rows.at(-1)!.n);
  }
}

/** One module between two times. */
export type Point = {
  readonly time_ms: number;
  readonly version: number;
  readonly calls: number;
  /** Cycles per call of the interval that ends here; null when it had no call. */
  readonly mean: number | null;
};

/** At most about `points` of them, each over its part of the run; counters begin anew with a version or a reset. */
export const seriesOf = (store: Store, run: number, name: string, points: number): Point[] => {
  const bounds = store.numbers(
    `SELECT id, min(n) AS least, max(n) AS most FROM telemetry JOIN texts ON texts.id = module
     WHERE run = ?1 AND module = (SELECT id FROM texts WHERE body = ?2)`,
    run,
    name,
  );
  if (!bounds?.id) return [];
  const step = Math.max(1, Math.ceil((bounds.most! - bounds.least! + 1) / points));
  const rows = store.all(
    `SELECT max(n) AS n, time_ms, version, calls, cycles FROM telemetry WHERE run = ? AND module = ? GROUP BY n / CAST(? AS INTEGER)`,
    run,
    bounds.id,
    step,
  );
  let before: Row | undefined;
  return rows.map((row) => {
    const goesOn = before && before.version === row.version && before.calls! <= row.calls!;
    const calls = Number(row.calls as bigint) - (goesOn ? Number(before!.calls as bigint) : 0);
    const cycles = Number(row.cycles as bigint) - (goesOn ? Number(before!.cycles as bigint) : 0);
    before = row;
    return {
      time_ms: Number(row.time_ms),
      version: Number(row.version),
      calls,
      mean: calls > 0 ? cycles / calls : null,
    };
  });
};
