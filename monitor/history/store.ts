/** Opens the history store: checks whose it is, brings an older one up to date, and never touches one it does not know. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../firmware/folder.ts';
import { openDatabase, type Sql } from './database.ts';
import { StoreError, storeErrorOf } from './errors.ts';
import { APPLICATION_ID, steps, VERSION } from './schema.ts';

export type { Sql } from './database.ts';
export type Row = Readonly<Record<string, number | bigint | string | ArrayBuffer | null>>;

/** How long to wait for another monitor that writes at the same time. */
const BUSY_MS = 10_000;

export type OpenOptions = {
  /** Make it when there is none; default: it must be there. */
  readonly create?: boolean;
  readonly busyMs?: number;
};

export class Store {
  readonly path: string;
  readonly sql: Sql;
  constructor(path: string, sql: Sql) {
    this.path = path;
    this.sql = sql;
  }

  /** Rows with all numbers as they are stored. @throws StoreError */
  all(text: string, ...values: unknown[]): Row[] {
    return this.guard(() => this.sql.prepare(text).safeIntegers(true).all(values) as Row[]);
  }

  /** The first row's columns as JavaScript numbers; undefined when there is none. @throws StoreError */
  numbers(text: string, ...values: unknown[]): Readonly<Record<string, number>> | undefined {
    const row = this.all(text, ...values)[0];
    return row && Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
  }

  run(text: string, ...values: unknown[]): void {
    this.guard(() => void this.sql.prepare(text).run(values));
  }

  /** All of it or nothing. @throws StoreError */
  atOnce<T>(work: () => T): T {
    return this.guard(() => {
      this.sql.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.sql.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.sql.inTransaction) this.sql.exec('ROLLBACK');
        throw error;
      }
    });
  }

  guard<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw storeErrorOf(this.path, cause);
    }
  }

  /** Whoever copies the file afterwards has all of it: nothing is left in the log beside it. */
  close(): void {
    if (!this.sql.open) return;
    try {
      this.sql.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all([]);
    } catch {} // a damaged file, a full disk or another user: the log stays, and is read at the next start
    this.sql.close();
  }
}

const pragma = (sql: Sql, name: string): number =>
  Number(Object.values(sql.prepare(`PRAGMA ${name}`).get([]) as Row)[0]);

const MAGIC = Buffer.from('SQLite format 3\0');

/** Looked at before SQLite may: it takes an empty file for a database and would write into it. */
const isForeign = (path: string): boolean => {
  if (!statSync(path).isFile()) return true;
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(MAGIC.length);
    const read = readSync(fd, head, 0, head.length, 0);
    return read > 0 && !head.subarray(0, read).equals(MAGIC.subarray(0, read));
  } finally {
    closeSync(fd);
  }
};

/** @throws StoreError for what is no store, or is not there and not to be made */
export const prepareFile = (path: string, create: boolean): void => {
  if (existsSync(path)) {
    if (isForeign(path)) throw new StoreError(path, 'store_foreign', 'is no history store');
    return;
  }
  if (!create) throw new StoreError(path, 'store_missing', 'there is no history store');
  makeFolder(dirname(path));
  closeSync(openSync(path, 'a', 0o600)); // console text may be private
};

const bringUpToDate = (store: Store) => {
  const { sql, path } = store;
  const version = pragma(sql, 'user_version');
  const owner = pragma(sql, 'application_id');
  const isNew = version === 0 && owner === 0 && pragma(sql, 'schema_version') === 0;
  if (!isNew && owner !== APPLICATION_ID)
    throw new StoreError(path, 'store_foreign', 'is a database of another program');
  if (version > VERSION)
    throw new StoreError(
      path,
      'store_newer',
      `has schema ${version}, written by a newer velocity; this one knows up to ${VERSION}`,
    );
  if (isNew) sql.exec('PRAGMA auto_vacuum = INCREMENTAL');
  sql.exec('PRAGMA journal_mode = WAL');
  sql.exec('PRAGMA synchronous = FULL');
  if (version === VERSION) return;
  store.atOnce(() => {
    for (const step of steps.slice(pragma(sql, 'user_version'))) sql.exec(step); // another monitor may have been quicker
    sql.exec(`PRAGMA user_version = ${VERSION}`);
    sql.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  });
};

/** @throws StoreError */
export const openStore = (path: string, { create = false, busyMs = BUSY_MS }: OpenOptions = {}): Store => {
  let sql: Sql | undefined;
  try {
    prepareFile(path, create);
    sql = openDatabase(path, { timeout: busyMs });
    const store = new Store(path, sql);
    bringUpToDate(store);
    return store;
  } catch (cause) {
    sql?.close();
    throw storeErrorOf(path, cause);
  }
};
