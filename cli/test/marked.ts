/** Processes that a command left: found by what is in their environment, wherever they hang by then. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 30_000;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

export type Mark = {
  /** For the command; whatever it starts has it, too. */
  readonly env: NodeJS.ProcessEnv;
  /** Command lines of what runs with it. */
  readonly running: () => readonly string[];
  /** The same, once it is none, or at the latest after a while. */
  readonly left: () => Promise<readonly string[]>;
};

export const mark = (): Mark => {
  const entry = `VELOCITY_MARK=${randomUUID()}`;
  const [name, value] = entry.split('=');
  const running = () =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/environ`).split('\0').includes(entry))
      .map((pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '))
      .filter((command) => command !== ''); // a zombie has none
  const left = async () => {
    for (const end = performance.now() + LIMIT_MS; performance.now() < end && running().length > 0; )
      await sleep(50);
    return running();
  };
  return { env: { ...process.env, [name!]: value }, running, left };
};
