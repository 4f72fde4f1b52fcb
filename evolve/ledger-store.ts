/** Where the lines of a ledger are kept. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { devNull } from 'node:os';
import { dirname } from 'node:path';
import { makeFolder } from '../firmware/folder.ts';
import { withLockSync } from '../firmware/lock.ts';
import { naming } from '../firmware/write.ts';

/** A file, or memory in tests. */
export type LedgerStore = {
  /** What errors call it. */
  readonly name: string;
  /** What is behind this many bytes. */
  read(from: number): string;
  append(line: string): void;
  /** Cuts off everything behind this many bytes. */
  cut(bytes: number): void;
  /** Hash of the line that was last noted to be the newest; undefined where none was, or there is no ledger. */
  head(): string | undefined;
  note(head: string): void;
  /** Works while nobody else adds or cuts. */
  alone<T>(work: () => T): T;
};

export class LedgerError extends Error {
  override name = 'LedgerError';
  readonly code = 'ledger_damaged';
  readonly exit = 'bad_file';
  readonly hint = 'keep it as evidence, and start a new one: --ledger FILE';
}

/** Half of what Node.js takes for one text. */
const MOST_BYTES = 2 ** 28;

/** What is behind this many bytes of a file; nothing where there is no file. @throws LedgerError */
export const bytesFrom = (path: string, start: number): Buffer => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (path === devNull) return Buffer.alloc(0);
  if (stat && !stat.isFile()) throw new LedgerError(`${path} is no file that could hold a ledger`);
  const size = stat?.size ?? 0;
  if (size > MOST_BYTES) throw new LedgerError(`${path} is too large for a ledger: ${size} bytes`);
  if (size < start) throw new LedgerError(`${path} was cut or removed while it was in use`);
  if (size === start) return Buffer.alloc(0);
  const bytes = Buffer.alloc(size - start);
  const fd = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start));
  } finally {
    closeSync(fd);
  }
};

/** Kept beside the ledger. Who takes a whole ledger away begins a new one. @throws LedgerError */
export const headOf = (path: string): string | undefined => {
  if (path === devNull || !existsSync(path) || !existsSync(`${path}.head`)) return undefined;
  return bytesFrom(`${path}.head`, 0).toString().trim();
};

export const fileStore = (path: string): LedgerStore => ({
  name: path,
  read: (from) => bytesFrom(path, from).toString(),
  append: (line) => naming(path, () => appendFileSync(path, line, { flush: true })),
  cut: (bytes) => truncateSync(path, bytes),
  head: () => headOf(path),
  note(head) {
    if (path === devNull) return;
    const partial = `${path}.head.${process.pid}`;
    try {
      naming(`${path}.head`, () => writeFileSync(partial, `${head}\n`, { flush: true }));
      renameSync(partial, `${path}.head`);
    } finally {
      rmSync(partial, { force: true });
    }
  },
  alone(work) {
    if (path === devNull) return work();
    makeFolder(dirname(path));
    return withLockSync(`${path}.lock`, work);
  },
});

export const memoryStore = (text = ''): LedgerStore & { text: string } => ({
  name: 'ledger',
  text,
  read(from) {
    return Buffer.from(this.text).subarray(from).toString();
  },
  append(line) {
    this.text += line;
  },
  cut(bytes) {
    this.text = Buffer.from(this.text).subarray(0, bytes).toString();
  },
  head: () => undefined,
  note() {},
  alone: (work) => work(),
});
