/** One at a time: several commands may run in one checkout, or write to one file. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './folder.ts';
import { isAlive, isStale, readLock, removeDeadLock, startOf, takeLock } from './lock-file.ts';

const POLL_MS = 50;

/** One that names nobody is under way where there are no hard links, or was cut short. */
const isDead = (path: string, holder: string) => {
  const [pid, started = ''] = holder.split(' ');
  return Number(pid) > 0 ? !isAlive(Number(pid), started) : isStale(path);
};

/** Whether the lock is ours now; one whose holder died is removed. */
const taken = (path: string): boolean => {
  if (takeLock(path, `${process.pid} ${startOf(process.pid)}`)) return true;
  const holder = readLock(path);
  if (holder !== undefined && isDead(path, holder)) removeDeadLock(path, holder);
  return false;
};

/** As `withLock`, for work of a moment: this process does nothing else while it waits. */
export const withLockSync = <T>(path: string, work: () => T): T => {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (!taken(path)) Atomics.wait(clock, 0, 0, POLL_MS);
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
};

/** Runs `work` while no other process runs work under the same lock file. */
export const withLock = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  makeFolder(dirname(path));
  while (!taken(path)) await sleep(POLL_MS);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
};
