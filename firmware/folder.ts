/** Folders for what is written, wherever people want it. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** No folder can be made at a place that somebody named. `code` is the operating system's. */
export class FolderError extends Error {
  override name = 'FolderError';
  readonly code: string;
  readonly hint = 'name a place where you may write, or remove what stands in its way';

  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`no folder can be made at ${path}: ${cause.message.split(',')[0]}`, { cause });
    this.code = cause.code ?? 'bad_file';
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const make = (path: string, mode: number): void => {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) make(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!isFolder(path)) throw error; // otherwise somebody made it a moment ago
  }
};

/**
 * Makes a folder and those above it that are missing. Node.js 20's own way (`recursive`) never returns, and can't be killed, where
 * a file system makes no folders and says so with ENOENT, as that at /proc does.
 * @throws FolderError
 */
export const makeFolder = (path: string, mode = 0o777): void => {
  try {
    make(path, mode);
  } catch (error) {
    throw new FolderError(path, error as NodeJS.ErrnoException);
  }
};
