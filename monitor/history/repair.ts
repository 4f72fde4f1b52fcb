/**
 * Saves what can be read of a damaged store into a new one. Each table is read from its start and, where that stops at a
 * damaged page, from its end backward; telemetry run by run and module by module, so that a lost page costs one module's
 * stretch at most. The damaged file is kept beside the new one.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { openDatabase } from './database.ts';
import { StoreError, storeErrorOf } from './errors.ts';
import { openStore, prepareFile, type Row, type Sql, type Store } from './store.ts';

export type Repaired = {
  /** Where the damaged file is now. */
  readonly kept: string;
  /** Rows saved, by table. */
  readonly saved: Readonly<Record<string, number>>;
  /** Whether every table could be read to its end. */
  readonly whole: boolean;
};

const keys = {
  settings: ['name'],
  runs: ['id'],
  texts: ['id'],
  entries: ['run', 'n'],
  telemetry: ['run', 'module', 'n'],
  ledger: ['hash'],
} as const;
type Name = keyof typeof keys;

type Copy = { readonly from: Sql; readonly to: Store; saved: number; whole: boolean };

const isDamage = (error: unknown) => /^SQLITE_(CORRUPT|IOERR)/.test((error as { code?: string }).code ?? '');

const put = (copy: Copy, name: Name, row: Row) => {
  const columns = Object.keys(row);
  const marks = columns.map(() => '?').join(', ');
  const values = Object.values(row).map((value) =>
    value instanceof ArrayBuffer ? new Uint8Array(value) : value,
  );
  copy.to.sql.prepare(`INSERT OR IGNORE INTO ${name} VALUES (${marks})`).run(values);
  copy.saved += 1;
};

/** Rows in this order until the end, or until a page that cannot be read: then false. */
const readTo = (copy: Copy, name: Name, where: string, values: readonly unknown[], order: string) => {
  const text = `SELECT * FROM ${name} WHERE ${where} ORDER BY ${keys[name].map((key) => `${key} ${order}`).join(', ')}`;
  try {
    for (const row of copy.from.prepare(text).safeIntegers(true).iterate(values)) put(copy, name, row as Row);
    return true;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return false;
  }
};

const readBothWays = (copy: Copy, name: Name, where = '1', values: readonly unknown[] = []) => {
  if (readTo(copy, name, where, values, 'ASC')) return;
  copy.whole = false;
  readTo(copy, name, where, values, 'DESC');
};

const idsIn = (copy: Copy, table: 'runs' | 'texts') =>
  copy.to.all(`SELECT id FROM ${table}`).map(({ id }) => Number(id));

const copyTable = (copy: Copy, name: Name) => {
  if (name !== 'entries' && name !== 'telemetry') return readBothWays(copy, name);
  for (const run of idsIn(copy, 'runs')) {
    if (name === 'entries') readBothWays(copy, name, 'run = ?', [run]);
    else
      for (const module of idsIn(copy, 'texts'))
        readBothWays(copy, name, 'run = ? AND module = ?', [run, module]);
  }
};

/** Rows that name a run or a text which was lost cannot be told any more. */
const dropOrphans = (store: Store) =>
  store.atOnce(() => {
    store.sql.exec(
      `DELETE FROM entries WHERE run NOT IN (SELECT id FROM runs)
         OR (board IS NOT NULL AND (board NOT IN (SELECT id FROM texts) OR modules NOT IN (SELECT id FROM texts)));
       DELETE FROM telemetry WHERE run NOT IN (SELECT id FROM runs) OR module NOT IN (SELECT id FROM texts)`,
    );
  });

const remove = (path: string) => {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
};

const copyAll = (from: Sql, to: Store) => {
  const saved: Record<string, number> = {};
  let whole = true;
  for (const name of Object.keys(keys) as Name[]) {
    const copy: Copy = { from, to, saved: 0, whole: true };
    to.atOnce(() => copyTable(copy, name));
    saved[name] = to.numbers(`SELECT count(*) AS n FROM ${name}`)!.n!;
    whole &&= copy.whole;
  }
  dropOrphans(to);
  return { saved, whole };
};

/** @throws StoreError when it is no store, or not even the list of tables can be read; the file is then as it was */
export const repairStore = (path: string, now = new Date()): Repaired => {
  const fresh = `${path}.repairing-${process.pid}`;
  prepareFile(path, false); // SQLite would make it
  const kept = `${path}.damaged-${now.toISOString().replace(/[:.]/g, '')}`;
  remove(fresh);
  const to = openStore(fresh, { create: true });
  let from: Sql | undefined;
  try {
    from = openDatabase(path);
    from.exec('PRAGMA writable_schema = ON'); // else SQLite refuses a file that is shorter than its header says
    const result = copyAll(from, to);
    from.close();
    to.close();
    for (const end of ['', '-wal', '-shm'])
      if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${kept}${end}`);
    renameSync(fresh, path);
    return { kept, ...result };
  } catch (cause) {
    from?.close();
    to.close();
    remove(fresh);
    throw storeErrorOf(path, cause instanceof StoreError ? cause.cause : cause); // not of the new one's name
  }
};
