/** One build at a time: several commands may run in one checkout. */
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './folder.ts';

const POLL_MS = 50;
/** Whoever holds the guard does so for no time at all; after so long it died meanwhile. */
const GUARD_STALE_MS = 5000;

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

const holderOf = (path: string): number | undefined => {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
};

/** The file appears with its holder in it or not at all: whoever dies on the way leaves no lock that nobody holds. */
const tryTake = (path: string): boolean => {
  const own = `${path}.${randomUUID()}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
};

/** Removes the lock of a holder that died without letting go. The guard keeps two from removing each other's fresh one. */
const removeDead = (path: string, dead: number): void => {
  const guard = `${path}.guard`;
  try {
    mkdirSync(guard);
  } catch {
    try {
      if (Date.now() - statSync(guard).mtimeMs > GUARD_STALE_MS) rmdirSync(guard);
    } catch {} // it is gone already
    return;
  }
  try {
    if (holderOf(path) === dead) rmSync(path, { force: true });
  } finally {
    rmdirSync(guard);
  }
};

/** Runs `work` while no other process runs work under the same lock file. */
export const withLock = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  makeFolder(dirname(path));
  while (!tryTake(path)) {
    const holder = holderOf(path);
    if (holder !== undefined && holder > 0 && !isAlive(holder)) removeDead(path, holder);
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
};
