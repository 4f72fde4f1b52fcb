/** One run at a time on each board: lock files that name their holder and end with its process. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, readLock, removeDeadLock, startOf, takeLock } from '../firmware/lock-file.ts';
import type { RigBoard } from './bench/index.ts';

export type Holder = {
  readonly board: string;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** When that process started, in the kernel's own count: a number used again is another process. */
  readonly started: string;
  readonly command: string;
  /** ISO 8601. */
  readonly since: string;
};

/** Somebody else works on the board: says who, since when and with what. */
export class BoardLockedError extends Error {
  readonly code = 'port_busy';
  readonly hint: string;
  readonly holder: Holder;
  constructor(board: string, holder: Holder, hint: string) {
    super(`${board} is in use by ${describeHolder(holder)}`);
    this.name = 'BoardLockedError';
    this.holder = holder;
    this.hint = hint;
  }
}

export const describeHolder = ({ user, host, pid, command, since }: Holder): string =>
  `${user}@${host} (process ${pid}, ${command}, since ${since})`;

const POLL_MS = 200;
const UNREADABLE_LIMIT = 50;

/** All users of this machine share it, since they share its ports. */
export const lockFolder = (): string =>
  process.env.VELOCITY_RIG_LOCKS || join(tmpdir(), 'velocity-rig-locks');

/** What must not be used twice: a port under all its names, or the storage of an emulated board. */
const subjectOf = ({ serial, name }: RigBoard, root: string): string => {
  if (serial === undefined) return `${root}#${name}`;
  try {
    return realpathSync(serial);
  } catch {
    return serial;
  }
};

const lockPath = (board: RigBoard, root: string) => {
  const hash = createHash('sha256').update(subjectOf(board, root)).digest('hex').slice(0, 12);
  return join(lockFolder(), `${board.name.replaceAll('/', '_')}-${hash}.json`);
};

const makeFolder = () => {
  mkdirSync(lockFolder(), { recursive: true });
  try {
    chmodSync(lockFolder(), 0o1777);
  } catch {} // somebody else made it so
};

const parsed = (lock: string | undefined): Holder | undefined => {
  try {
    return lock === undefined ? undefined : (JSON.parse(lock) as Holder);
  } catch {
    return undefined;
  }
};

/** Of this user: its number, where it has no name. */
const ownName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
};

const ourselves = (board: string, command: string): Holder => ({
  board,
  user: ownName(),
  host: hostname(),
  pid: process.pid,
  started: startOf(process.pid),
  command,
  since: new Date().toISOString(),
});

export type LockOptions = {
  /** Folder whose emulated boards these are. */
  readonly root: string;
  readonly command: string;
  /** How long to wait for another holder. */
  readonly waitMs?: number;
  readonly say?: (line: string) => void;
  readonly signal?: AbortSignal;
};

/** Numbers of processes on another machine, or in another container, say nothing here. */
const mayRun = ({ host, pid, started }: Holder): boolean => host !== hostname() || isAlive(pid, started);

/** How to go on where the lock is not let go, nor ours to take away. */
const hintFor = ({ host, user, pid, started }: Holder, path: string): string => {
  if (host !== hostname())
    return `whether that process still runs can't be seen from here: if it does not, remove ${path}`;
  if (isAlive(pid, started))
    return 'wait for it with --wait SECONDS, choose another board with --board, or end that process';
  return `that process has ended, and its lock is not yours: have ${user} or an administrator remove ${path}`;
};

/** Who holds this board now; undefined when nobody alive does. */
export const holderOf = (board: RigBoard, root: string): Holder | undefined => {
  const holder = parsed(readLock(lockPath(board, root)));
  return holder && mayRun(holder) ? holder : undefined;
};

/** Undefined where this user may not do it: in a folder for all, everybody's files are their own (sticky bit). */
const unlessDenied = <T>(act: () => T): T | undefined => {
  try {
    return act();
  } catch (error) {
    if (['EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};

/** Returns the function that lets go. @throws BoardLockedError */
export const lockBoard = async (board: RigBoard, options: LockOptions): Promise<() => void> => {
  const { root, command, waitMs = 0, say = () => {}, signal } = options;
  makeFolder();
  const path = lockPath(board, root);
  const deadline = performance.now() + waitMs;
  let told = false;
  let unreadable = 0;
  while (!takeLock(path, `${JSON.stringify(ourselves(board.name, command))}\n`)) {
    const lock = readLock(path);
    const holder = parsed(lock);
    if (lock === undefined || !holder) {
      if (unreadable++ > UNREADABLE_LIMIT) throw new Error(`${path} is no lock of a board; remove it`);
      await sleep(POLL_MS / 10); // let go in between
      continue;
    }
    if (!mayRun(holder)) {
      const isGone = unlessDenied(() => removeDeadLock(path, lock));
      if (isGone === undefined) throw new BoardLockedError(board.name, holder, hintFor(holder, path));
      if (isGone) say(`${board.name}: took over the lock of ${describeHolder(holder)}, which has ended`);
      else await sleep(POLL_MS / 10); // somebody else is at it
      continue;
    }
    if (performance.now() >= deadline) throw new BoardLockedError(board.name, holder, hintFor(holder, path));
    if (!told) say(`${board.name}: waiting for ${describeHolder(holder)}`);
    told = true;
    await sleep(POLL_MS, undefined, signal ? { signal } : {});
  }
  return () => {
    if (parsed(readLock(path))?.pid === process.pid) rmSync(path, { force: true });
  };
};
