/** Writes results so that whoever reads them at the same time sees the old file or the new one, never half of one. */
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './folder.ts';

/** Leaves a file alone that is right already. */
export const writeChanged = (path: string, bytes: Uint8Array): void => {
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  makeFolder(dirname(path));
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, bytes);
  renameSync(partial, path);
};

/**
 * Makes a file that is not there yet. It appears with its contents or not at all: who dies on the way, or finds the disk full,
 * leaves nothing that others would take for it.
 * @throws NodeJS.ErrnoException EEXIST when it is there
 */
export const writeNew = (path: string, contents: string | Uint8Array, mode: number): void => {
  const own = `${path}.${randomUUID()}`;
  try {
    writeFileSync(own, contents, { mode });
    linkSync(own, path);
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

/** What `make` writes to the path that it is given appears at `path` when it is done, and not at all when it fails. */
export const writeWhole = async <T>(path: string, make: (partial: string) => Promise<T>): Promise<T> => {
  const partial = `${path}.${randomUUID()}.partial`;
  if (!process.listeners('exit').includes(removeUnfinished)) process.once('exit', removeUnfinished);
  unfinished.add(partial);
  try {
    const made = await make(partial);
    renameSync(partial, path);
    return made;
  } finally {
    rmSync(partial, { force: true });
    unfinished.delete(partial);
  }
};
