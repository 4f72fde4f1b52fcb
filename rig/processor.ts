/**
 * Keeps an emulator on one processor. One whose clock counts runs one thread at a time, which hands over to another at every
 * turn of an idle board and every 16 bytes of a line; across processors that takes a quarter more of them.
 */
import { readdirSync, readFileSync } from 'node:fs';

const EMULATOR = 'qemu-system';

const lineOf = (process: string, name: string): string => {
  try {
    const status = readFileSync(`/proc/${process}/status`, 'utf8');
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  } catch {
    return ''; // it has ended, or this system has no such files
  }
};

/** `0-2,7` is 0, 1, 2 and 7. */
const numbersIn = (list: string): readonly number[] =>
  [...list.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, first, last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i),
  );

const allowedTo = (process: string) => numbersIn(lineOf(process, 'Cpus_allowed_list'));

/** Of the processors that this process may use, one with the fewest emulators; undefined where there is no choice. */
const quietProcessor = (): number | undefined => {
  const allowed = allowedTo('self');
  if (allowed.length < 2) return undefined;
  const taken = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && lineOf(name, 'Name').startsWith(EMULATOR))
    .map(allowedTo)
    .filter(({ length }) => length === 1)
    .map(([only]) => only!);
  const emulatorsOn = (processor: number) => taken.filter((one) => one === processor).length;
  const fewest = Math.min(...allowed.map(emulatorsOn));
  const quiet = allowed.filter((processor) => emulatorsOn(processor) === fewest);
  return quiet[process.pid % quiet.length]; // not the same for all that start at once
};

/** The command that does the same on one processor, where the system has `taskset`. */
export const onOneProcessor = (command: string, args: readonly string[]): readonly [string, ...string[]] => {
  const processor = quietProcessor();
  if (processor === undefined) return [command, ...args];
  return ['sh', '-c', 'taskset -cp "$0" $$ >/dev/null 2>&1; exec "$@"', String(processor), command, ...args];
};
