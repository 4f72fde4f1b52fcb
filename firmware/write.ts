/** Writes results so that whoever reads them at the same time sees the old file or the new one, never half of one. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './folder.ts';

/** What fails without a word of which file it was: the operating system is asked for these by number. */
const unnamed = new Set(['write', 'fsync', 'ftruncate', 'close']);

/** A file cannot be written, as on a full disk. `code` is the operating system's. */
export class WriteError extends Error {
  override name = 'WriteError';
  readonly code: string;

  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`${path}: ${cause.message}`, { cause });
    this.code = cause.code ?? 'bad_file';
  }
}

const named = (path: string, error: unknown): unknown => {
  const { syscall, path: known } = error as NodeJS.ErrnoException;
  return known === undefined && unnamed.has(syscall ?? '')
    ? new WriteError(path, error as NodeJS.ErrnoException)
    : error;
};

/** What fails in `work` is said of this file. @throws WriteError */
export const naming = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw named(path, error);
  }
};

/** Leaves a file alone that is right already; else the new one takes its place whole, or not at all. @throws WriteError */
export const writeChanged = (path: string, contents: string | Uint8Array): void => {
  const bytes = Buffer.from(contents);
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  makeFolder(dirname(path));
  const partial = `${path}.${process.pid}`;
  try {
    writeFileSync(partial, bytes);
    renameSync(partial, path);
  } catch (error) {
    throw named(path, error);
  } finally {
    rmSync(partial, { force: true });
  }
};

/** What is said where a file has one name only, as on FAT, exFAT and some network filesystems. */
const oneName = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Whether the file has this name, too, now. */
const linked = (own: string, path: string): boolean => {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (oneName.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
};

/** Who dies on the way leaves a file that is not whole. */
const writeExclusive = (path: string, contents: string | Uint8Array, mode: number) => {
  const fd = openSync(path, 'wx', mode);
  try {
    writeOpen(fd, (out) => out(contents), true);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
};

/**
 * Makes a file that is not there yet. It appears with its contents or not at all: who dies on the way, or finds the disk full,
 * leaves nothing that others would take for it, and it is on the disk afterwards. Where there are no hard links, who dies does.
 * @throws NodeJS.ErrnoException EEXIST when it is there; WriteError
 */
export const writeNew = (path: string, contents: string | Uint8Array, mode: number): void => {
  const own = `${path}.${randomUUID()}`;
  try {
    writeExclusive(own, contents, mode);
    if (!linked(own, path)) writeExclusive(path, contents, mode);
  } catch (error) {
    throw named(path, error);
  } finally {
    rmSync(own, { force: true });
  }
};

/** Files under way. */
const unfinished = new Set<string>();

/** Whoever is stopped leaves none of them. */
const removeUnfinished = () => {
  for (const path of unfinished) rmSync(path, { force: true });
};

/** What `make` writes to the path that it is given appears at `path` when it is done, and not at all when it fails. @throws WriteError */
export const writeWhole = async <T>(path: string, make: (partial: string) => Promise<T>): Promise<T> => {
  const partial = `${path}.${randomUUID()}.partial`;
  if (!process.listeners('exit').includes(removeUnfinished)) process.once('exit', removeUnfinished);
  unfinished.add(partial);
  try {
    const made = await make(partial);
    renameSync(partial, path);
    return made;
  } catch (error) {
    throw named(path, error);
  } finally {
    rmSync(partial, { force: true });
    unfinished.delete(partial);
  }
};

type Out = (bytes: string | Uint8Array) => void;

const writeAll = (fd: number, data: string | Uint8Array) => {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
};

const writeOpen = <T>(fd: number, work: (out: Out) => T, isFile: boolean): T => {
  try {
    const result = work((bytes) => writeAll(fd, bytes));
    if (isFile) fsyncSync(fd);
    return result;
  } finally {
    closeSync(fd);
  }
};

/** A device or a pipe, /dev/stdout among them, is written to; taking its place would be its end. */
const isStream = (path: string) => {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
};

/**
 * A file that somebody named, as `work` puts it out. It is written beside and put in its place when it is whole, and is its
 * owner's alone: a full disk leaves no half of a file behind.
 * @throws WriteError
 */
export const writePieces = <T>(path: string, work: (out: Out) => T): T => {
  const beside = isStream(path) ? undefined : `${path}.part-${process.pid}`;
  try {
    const result = writeOpen(openSync(beside ?? path, 'w', 0o600), work, beside !== undefined);
    if (beside !== undefined) renameSync(beside, path);
    return result;
  } catch (error) {
    throw named(path, error);
  } finally {
    if (beside !== undefined) rmSync(beside, { force: true });
  }
};
