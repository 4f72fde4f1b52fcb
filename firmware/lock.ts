/** One build at a time: several commands may run in one checkout. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './folder.ts';
import { isRunning, readLock, removeDeadLock, takeLock } from './lock-file.ts';

const POLL_MS = 50;

const isDead = (holder: string) => Number(holder) > 0 && !isRunning(Number(holder));

/** Runs `work` while no other process runs work under the same lock file. */
export const withLock = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  makeFolder(dirname(path));
  while (!takeLock(path, String(process.pid))) {
    const holder = readLock(path);
    if (holder !== undefined && isDead(holder)) removeDeadLock(path, holder);
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
};
