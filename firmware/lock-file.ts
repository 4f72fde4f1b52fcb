/** Lock files that name their holder: how one is taken, and how one whose holder died is taken away. */
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { writeNew } from './write.ts';

const STALE_MS = 5000;

/** Of what is there for no time at all: after so long whoever made it died meanwhile. */
export const isStale = (path: string): boolean => {
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && Date.now() - made > STALE_MS;
};

/** Whether a process with this number runs, whoever's it is. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** proc(5): field 22 of /proc/PID/stat, in the kernel's own count; the name in field 2 may hold spaces and brackets. */
export const startOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
};

/** Whether the process that began then runs: a number used again is another process, as each start of a container does. */
export const isAlive = (pid: number, started: string): boolean =>
  isRunning(pid) && (started === '' || startOf(pid) === started);

/** What the lock says of its holder; undefined when nobody holds it. */
export const readLock = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Whether the lock is ours now. There is none without its holder's name in it. */
export const takeLock = (path: string, holder: string): boolean => {
  try {
    writeNew(path, holder, 0o644);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
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
      if (isStale(guard)) rmdirSync(guard);
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
