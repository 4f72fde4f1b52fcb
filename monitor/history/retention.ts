/** How long a store keeps what: whole runs go first, oldest first, then the oldest part of the only one left. */
import type { Store } from './store.ts';

export type Retention = {
  /** Days that telemetry, events and console text are kept. Ledger lines are kept for good. */
  readonly days: number;
  /** Largest size of the store in bytes. */
  readonly bytes: number;
};

export const defaultRetention: Retention = { days: 90, bytes: 1 << 30 };

const DAY_MS = 86_400_000;
/** Between one run and the next: a clock that was set, rather than time that passed. */
const LEAP_MS = 365 * DAY_MS;
/** Pages given back at a time: a monitor that waits to write gets its turn in between. */
const VACUUM_PAGES = 2000;
/** Of a run that has to become smaller. */
const SHARE = 0.1;

export const retentionOf = (store: Store): Retention => {
  const rows = store.all('SELECT name, value FROM settings');
  const set = Object.fromEntries(rows.map(({ name, value }) => [String(name), Number(value)]));
  return { ...defaultRetention, ...set };
};

export const setRetention = (store: Store, retention: Partial<Retention>): Retention => {
  store.atOnce(() => {
    for (const [name, value] of Object.entries(retention))
      store.run(
        'INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
        name,
        value,
      );
  });
  return retentionOf(store);
};

/** Bytes in use; free pages of the file are not. */
export const usedBytes = (store: Store): number => {
  const pragma = (name: string) => Object.values(store.numbers(`PRAGMA ${name}`)!)[0]!;
  return pragma('page_size') * (pragma('page_count') - pragma('freelist_count'));
};

/** Numbers of the texts that name the modules of a run; each costs one look into the index. */
export const modulesOf = (store: Store, run: number): number[] =>
  store
    .all(
      `WITH RECURSIVE found(module) AS (
         SELECT min(module) FROM telemetry WHERE run = ?1
         UNION ALL SELECT (SELECT min(module) FROM telemetry WHERE run = ?1 AND module > found.module)
         FROM found WHERE found.module IS NOT NULL)
       SELECT module FROM found WHERE module IS NOT NULL`,
      run,
    )
    .map(({ module }) => Number(module));

/** Deletes the entries of a run before its n-th. */
const cutBefore = (store: Store, run: number, n: number) => {
  for (const module of modulesOf(store, run))
    store.run('DELETE FROM telemetry WHERE run = ? AND module = ? AND n < ?', run, module, n);
  store.run('DELETE FROM entries WHERE run = ? AND n < ?', run, n);
};

const removeRun = (store: Store, run: number) =>
  store.atOnce(() => {
    store.run('DELETE FROM telemetry WHERE run = ?', run);
    store.run('DELETE FROM entries WHERE run = ?', run);
    store.run('DELETE FROM runs WHERE id = ?', run);
  });

const numberOf = (row: Readonly<Record<string, number>> | undefined, name: string) => row?.[name] ?? 0;

/** Runs that go on: they become smaller, and are not removed. */
type Going = readonly number[];

/** Of `runs.id`; the numbers are the store's own. */
const isOver = (going: Going) => `id NOT IN (${going.join(', ')})`;

type Aged = {
  readonly run: number;
  readonly started_ms: number;
  readonly ended_ms: number;
  readonly age_ms: number;
};

/**
 * All runs, and how long before the newest that is over each ended; one that goes on counts as ended with that. Runs follow
 * one another, whatever the host's clock said: one that ended later than the next was ahead, and one that lies a year or more
 * before the next (as of a host that starts in 1970) says nothing of when it was; both count as ended with the next.
 */
const agesOf = (store: Store, now: number, going: Going): Aged[] => {
  const runs = store.all('SELECT id, started_ms, ended_ms FROM runs ORDER BY id DESC').map((row) => ({
    run: Number(row.id),
    started_ms: Number(row.started_ms),
    ended_ms: Number(row.ended_ms),
  }));
  const newest_ms = Math.min(now, runs.find(({ run }) => !going.includes(run))?.ended_ms ?? 0);
  let clock = newest_ms;
  let age_ms = 0;
  return runs.map((each) => {
    if (going.includes(each.run)) return { ...each, ended_ms: newest_ms, age_ms: 0 };
    const before_ms = Math.max(0, clock - each.ended_ms);
    if (before_ms < LEAP_MS) {
      age_ms += before_ms;
      clock -= before_ms;
    }
    return { ...each, age_ms };
  });
};

/** Cuts what of a run is older than it may be, by the clock of its end; one whose clock leapt meanwhile stays whole. */
const cutOldEntries = (store: Store, { run, started_ms, ended_ms, age_ms }: Aged, kept_ms: number) => {
  const oldest_ms = ended_ms - (kept_ms - age_ms);
  if (started_ms >= oldest_ms || ended_ms - started_ms >= LEAP_MS) return;
  const found = store.numbers(
    'SELECT n FROM entries WHERE run = ? AND time_ms >= ? ORDER BY n LIMIT 1',
    run,
    oldest_ms,
  );
  if (numberOf(found, 'n') > 1) store.atOnce(() => cutBefore(store, run, numberOf(found, 'n')));
};

const cutByTime = (store: Store, kept_ms: number, now: number, going: Going) => {
  for (const aged of agesOf(store, now, going))
    if (aged.age_ms > kept_ms) removeRun(store, aged.run);
    else cutOldEntries(store, aged, kept_ms);
};

/** False when there is nothing of it that may go. */
const shorten = (store: Store, run: number): boolean => {
  const bounds = store.numbers('SELECT min(n) AS least, max(n) AS most FROM entries WHERE run = ?', run);
  const [least, most] = [numberOf(bounds, 'least'), numberOf(bounds, 'most')];
  if (most <= least) return false;
  store.atOnce(() => cutBefore(store, run, least + Math.max(1, Math.floor((most - least) * SHARE))));
  return true;
};

/** Frees at least some of the oldest rows; false when there is nothing left that may go. */
const dropOldest = (store: Store, going: Going): boolean => {
  const oldest = store.numbers(`SELECT min(id) AS id FROM runs WHERE ${isOver(going)}`);
  if (numberOf(oldest, 'id') === 0) return going.map((run) => shorten(store, run)).includes(true);
  removeRun(store, numberOf(oldest, 'id'));
  return true;
};

const giveBack = (store: Store) => {
  for (;;) {
    const free = Object.values(store.numbers('PRAGMA freelist_count')!)[0]!;
    if (free === 0) break;
    store.guard(() => store.sql.prepare(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`).all([]));
    if (Object.values(store.numbers('PRAGMA freelist_count')!)[0]! >= free) break;
  }
};

/** Deletes what the store's retention does not keep, and gives its space back. `going` are the runs that go on. */
export const prune = (store: Store, { now, going = [] }: { now: number; going?: Going }): void => {
  const { days, bytes } = retentionOf(store);
  cutByTime(store, days * DAY_MS, now, going);
  while (usedBytes(store) > bytes && dropOldest(store, going));
  giveBack(store);
};
