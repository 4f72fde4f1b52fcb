/** Switches boards off and on: by uhubctl, or by any shell command, for example one that moves a relay. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Power } from './bench/index.ts';
import { spawnGroupLeashed } from './child.ts';

/** A command of the bench file failed: carries what it printed. */
export class CommandError extends Error {
  readonly code = 'failed';
  readonly hint = 'run the command by hand until it works, or correct it in the bench file';
  constructor(what: string, command: string, status: string, output: string) {
    super(
      `${what}: \`${command}\` ended with ${status}: ${output.trim().slice(-400) || 'it printed nothing'}`,
    );
    this.name = 'CommandError';
  }
}

const TIMEOUT_MS = 30_000;
const DEFAULT_OFF_SECONDS = 2;

export type CommandOptions = { readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number };

/**
 * Runs a shell command to its end and returns what it printed. Whatever it started ends with it: what it left running would
 * hold on to its output, and one that is too late has most often started what hangs. @throws CommandError
 */
export const runCommand = (what: string, command: string, options: CommandOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const { env = {}, timeoutMs = TIMEOUT_MS } = options;
    const child = spawnGroupLeashed('sh', ['-c', command], { env: { ...process.env, ...env } });
    const end = () => child.stdin.destroy();
    const late = setTimeout(end, timeoutMs);
    child.on('exit', end);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk).slice(-64 * 1024);
      });
    }
    child.on('error', (error) => {
      clearTimeout(late);
      reject(new CommandError(what, command, error.message, output));
    });
    child.on('close', (code, signal) => {
      clearTimeout(late);
      if (code === 0) resolve(output);
      else
        reject(
          new CommandError(
            what,
            command,
            signal ? `${signal} after ${timeoutMs} ms at most` : `status ${code}`,
            output,
          ),
        );
    });
  });

export const canSwitch = ({ by }: Power): boolean => by !== 'none';

/** The shell command that switches; undefined when nothing can. */
const commandFor = (power: Power, to: 'on' | 'off'): string | undefined => {
  if (power.by === 'none') return undefined;
  if (power.by === 'command') return to === 'on' ? power.on : power.off;
  return `uhubctl -l '${power.hub.replaceAll("'", '')}' -p ${power.port} -a ${to}`;
};

export const switchPower = async (board: string, power: Power, to: 'on' | 'off'): Promise<void> => {
  const command = commandFor(power, to);
  if (command) await runCommand(`${board}: switching power ${to}`, command);
};

/** Off, a pause, on. Returns false when the board has no switch. @throws CommandError */
export const powerCycle = async (board: string, power: Power): Promise<boolean> => {
  if (power.by === 'none') return false;
  await switchPower(board, power, 'off');
  await sleep((power.off_seconds ?? DEFAULT_OFF_SECONDS) * 1000);
  await switchPower(board, power, 'on');
  return true;
};
