/** Who has a port open, where the system tells: Linux, of the processes of this user, and root of all. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';

const orNothing = <T>(look: () => T): T | undefined => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

const hasOpen = (pid: string, path: string): boolean =>
  (orNothing(() => readdirSync(`/proc/${pid}/fd`)) ?? []).some(
    (fd) => orNothing(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === path,
  );

const SHOWN = 80;

/** Its end, in one line: what it was asked to do stands behind the interpreter's name. */
const commandOf = (pid: string): string => {
  const words = orNothing(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
  const text = words.replace(/[\p{C}\s]+/gu, ' ').trim();
  return text.length > SHOWN ? `…${text.slice(-SHOWN)}` : text;
};

/** As people read them: `process 4711 (minicom -D /dev/ttyUSB0)`. `except` is a process that does not count. */
export const holdersOf = (port: string, except?: number): readonly string[] => {
  const path = orNothing(() => realpathSync(port));
  if (path === undefined) return [];
  return (orNothing(() => readdirSync('/proc')) ?? [])
    .filter((name) => /^\d+$/.test(name) && Number(name) !== except && hasOpen(name, path))
    .map((pid) => `process ${pid} (${commandOf(pid)})`);
};
