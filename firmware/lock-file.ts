/** Lock files that name their holder: how one is taken, and how one whose holder died is taken away. */
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';

/** Whoever holds the guard does so for no time at all; after so long it died meanwhile. */
const GUARD_STALE_MS = 5000;

/** Whether a process with this number runs, whoever's it is. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** What the lock says of its holder; undefined when nobody holds it. */
export const readLock = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Whether the lock is ours now. The file appears with its holder in it or not at all: whoever dies on the way leaves no lock
 * that nobody holds.
 */
export const takeLock = (path: string, holder: string): boolean => {
  const own = `${path}.${randomUUID()}`;
  writeFileSync(own, holder, { mode: 0o644 });
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

/**
 * Takes away the lock of a holder that died, if it still is what readLock() gave. The guard keeps two from taking away each
 * other's fresh one. Returns whether it is gone; if not, look again.
 */
export const removeDeadLock = (path: string, dead: string): boolean => {
  const guard = `${path}.guard`;
  try {
    mkdirSync(guard);
  } catch {
    try {
      if (Date.now() - statSync(guard).mtimeMs > GUARD_STALE_MS) rmdirSync(guard);
    } catch {} // it is gone already
    return false;
  }
  try {
    if (readLock(path) !== dead) return false;
    rmSync(path);
    return true;
  } finally {
    rmdirSync(guard);
  }
};
