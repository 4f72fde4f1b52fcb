/** Folders for what is written, wherever people want it. */
import { mkdirSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Whoever has none, as one who is a mere number in a container, has the root's: writing there tells what is wrong. */
const home = (): string => {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    return '/';
  }
};

/** XDG Base Directory Specification: the variable, and what stands for it below the home folder. */
const places = {
  XDG_STATE_HOME: '.local/state',
  XDG_CONFIG_HOME: '.config',
  XDG_DATA_HOME: '.local/share',
} as const;
type Place = keyof typeof places;

/** Ours in a folder of this user's. A variable that holds no absolute path does not count. */
export const userFolder = (place: Place): string => {
  const set = process.env[place] ?? '';
  return join(isAbsolute(set) ? set : join(home(), places[place]), 'velocity');
};

const hintFor = (path: string): string => {
  const place = (Object.keys(places) as Place[]).find((name) => path.startsWith(userFolder(name)));
  if (place) return `set HOME, or ${place}, to a folder where you may write`;
  return 'name a place where you may write, or remove what stands in its way';
};

/** No folder can be made at a place that somebody named. `code` is the operating system's. */
export class FolderError extends Error {
  override name = 'FolderError';
  readonly code: string;
  readonly hint: string;

  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`no folder can be made at ${path}: ${cause.message.split(',')[0]}`, { cause });
    this.code = cause.code ?? 'bad_file';
    this.hint = hintFor(path);
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Where a file is above the folder that is wanted: as the operating system says it, whichever call finds it. */
const notFolder = (cause: unknown) =>
  Object.assign(new Error('ENOTDIR: not a directory', { cause }), { code: 'ENOTDIR' });

const make = (path: string, mode: number, isAbove = false): void => {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) make(above, mode, true);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (isFolder(path)) return; // somebody made it a moment ago
    throw isAbove && (error as NodeJS.ErrnoException).code === 'EEXIST' ? notFolder(error) : error;
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
