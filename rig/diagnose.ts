/** From what was seen of a board to why it failed. Pure: facts in, cause out. */
import {
  LinkTimeoutError,
  PermissionError,
  PortBusyError,
  RefusedError,
  UnpluggedError,
} from '../link/index.ts';
import { type Cause, CauseError } from './cause.ts';

export type StoppedCore = { readonly core: number; readonly pc: bigint; readonly where: string | undefined };

export type BootFacts = {
  readonly board: string;
  readonly error: unknown;
  readonly waitedMs: number;
  readonly bytes: number;
  readonly lines: readonly string[];
  /** Where the cores of an emulated board are. */
  readonly cores: readonly StoppedCore[];
  readonly emulator: Error | undefined;
};

const hex = (value: bigint) => `0x${value.toString(16)}`;

const describeCore = ({ core, pc, where }: StoppedCore) => `core ${core} in ${where ?? hex(pc)}`;

const portCause = (error: unknown): Cause | undefined => {
  if (
    !(error instanceof UnpluggedError || error instanceof PermissionError || error instanceof PortBusyError)
  )
    return undefined;
  return { code: 'no_port', sentence: error.message, advice: error.hint };
};

const givenUp = (lines: readonly string[]): Cause | undefined => {
  const line = lines.find((text) => text.includes('start-up failed at'));
  return line === undefined
    ? undefined
    : { code: 'stops_at_boot', sentence: `the kernel says: ${line.trim()}` };
};

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** The kernel names each level of its start-up before it begins it (boot/main.c): the last one named is where it is. */
const lastLevel = (lines: readonly string[]): string | undefined =>
  lines
    .findLast((line) => line.startsWith('start: '))
    ?.slice('start: '.length)
    .split(', ')
    .at(-1)
    ?.trim();

const silence = ({ waitedMs, bytes, lines, cores }: BootFacts): Cause => {
  const level = lastLevel(lines);
  const heard =
    bytes === 0
      ? 'not one byte came'
      : level
        ? `it had started "${level}" and said no more`
        : `${bytes} bytes came, the last line was ${JSON.stringify(lines.at(-1)?.slice(0, 100) ?? '')}, and none said ready`;
  if (cores.length > 0) {
    return {
      code: 'hangs_at_boot',
      sentence: `the kernel hangs at boot: after ${seconds(waitedMs)} ${heard}; ${cores.map(describeCore).join(', ')}`,
      advice: 'look at that function; `velocity start` and gdb can stop there',
    };
  }
  return bytes === 0
    ? {
        code: 'silent',
        sentence: `the board is silent: after ${seconds(waitedMs)} ${heard}`,
        advice:
          'check power, that RX and TX are crossed, the baud rate, and that the image is where the loader looks',
      }
    : { code: 'hangs_at_boot', sentence: `the kernel hangs at boot: after ${seconds(waitedMs)} ${heard}` };
};

/** Why a board did not start. */
export const bootCause = (facts: BootFacts): Cause => {
  const { error, emulator, lines } = facts;
  if (error instanceof CauseError) return error.found;
  if (emulator) return { code: 'emulator_died', sentence: emulator.message };
  const known = portCause(error) ?? givenUp(lines);
  if (known) return known;
  if (error instanceof LinkTimeoutError) return silence(facts);
  const hint = (error as { hint?: string }).hint;
  return { code: 'rig', sentence: (error as Error).message, ...(hint ? { advice: hint } : {}) };
};

export type TestFacts = {
  readonly error: unknown;
  readonly emulator: Error | undefined;
  /** Starts that nobody asked for, during the test. */
  readonly unwantedStarts: number;
  /** What the crash record says, when it was written during the test. */
  readonly crash: string | undefined;
  /** Frames that were damaged during the test, on the way here and on the way to the board. */
  readonly damagedHere: number;
  readonly damagedThere: number;
};

const restartCause = ({ unwantedStarts, crash }: TestFacts): Cause | undefined => {
  if (unwantedStarts === 0) return undefined;
  const times = unwantedStarts === 1 ? 'once' : `${unwantedStarts} times`;
  return crash
    ? { code: 'crashed', sentence: `the kernel crashed: ${crash}; the board restarted ${times}` }
    : {
        code: 'resets_by_itself',
        sentence: `the board restarted ${times} during this test, nobody asked for it, and no crash was recorded`,
        advice: 'check its power supply and whatever else can reset it, such as a watchdog that nobody feeds',
      };
};

/** Why a test failed. */
export const testCause = (facts: TestFacts): Cause => {
  const { error, emulator, damagedHere, damagedThere } = facts;
  if (emulator) return { code: 'emulator_died', sentence: emulator.message };
  const restarted = restartCause(facts);
  if (error instanceof CauseError && (!restarted || error.found.code === 'resets_by_itself'))
    return error.found;
  if (restarted) return restarted;
  const port = portCause(error);
  if (port) return port;
  if (error instanceof LinkTimeoutError) {
    const damage = damagedHere + damagedThere;
    return damage > 0
      ? {
          code: 'line_garbles',
          sentence: `${error.message}; the line damaged ${damagedHere} frames on the way here and ${damagedThere} on the way to the board meanwhile`,
          advice: 'run the link suite, it says what the line does to bytes',
        }
      : { code: 'no_answer', sentence: error.message };
  }
  if (error instanceof RefusedError)
    return { code: 'refused', sentence: error.message, advice: error.sentence };
  return { code: 'wrong_answer', sentence: (error as Error)?.message ?? String(error) };
};
