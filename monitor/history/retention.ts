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

/** A run that still goes on loses what is too old, entry by entry. */
const cutByTime = (store: Store, oldest_ms: number, going: Going) => {
  for (const { id } of store.all('SELECT id FROM runs WHERE started_ms < ?', oldest_ms)) {
    const run = Number(id);
    const found = store.numbers(
      'SELECT n FROM entries WHERE run = ? AND time_ms >= ? ORDER BY n LIMIT 1',
      run,
      oldest_ms,
    );
    if (!found && !going.includes(run)) removeRun(store, run);
    else if (numberOf(found, 'n') > 1) store.atOnce(() => cutBefore(store, run, numberOf(found, 'n')));
  }
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

/**
 * Ages are counted from the newest run that has ended: a clock that jumps ahead while a monitor runs must not make
 * everything old at once.
 */
const referenceTime = (store: Store, now: number, going: Going): number => {
  const newest = store.numbers(`SELECT coalesce(max(ended_ms), 0) AS ms FROM runs WHERE ${isOver(going)}`);
  return Math.min(now, numberOf(newest, 'ms'));
};

/** Deletes what the store's retention does not keep, and gives its space back. `going` are the runs that go on. */
export const prune = (store: Store, { now, going = [] }: { now: number; going?: Going }): void => {
  const { days, bytes } = retentionOf(store);
  cutByTime(store, referenceTime(store, now, going) - days * DAY_MS, going);
  while (usedBytes(store) > bytes && dropOldest(store, going));
  giveBack(store);
};
