/**
 * Replaces a running kernel over its own serial line, without touching storage: the signed image goes into free memory, the
 * board checks it, and starts it in place of its next reset. Whatever is refused on the way, the running kernel goes on.
 */
import { READY, statusOf } from '../../abi/index.ts';
import { type Board, isModel } from '../../boards/index.ts';
import { CancelledError, RefusedError, TimeoutError, WrongModeError } from '../errors.ts';

type HeldImage = { readonly place: 'slots' | 'memory'; readonly hash: Uint8Array; readonly state: string };

/** What is needed of a link to the kernel that runs; link/ has it. Its own errors pass through. */
export interface RunningBoard {
  describe(): string;
  info(): Promise<{ readonly build: string; readonly board: string; readonly boot: Uint8Array }>;
  /** Images that the board holds. */
  state(): Promise<readonly HeldImage[]>;
  /** Sends an update file into memory, from where an earlier attempt stopped. */
  upload(file: Uint8Array, onProgress: (done: number, total: number) => void): Promise<unknown>;
  /** Has the image in memory of this hash started at the next reset. */
  arm(hash: Uint8Array): Promise<unknown>;
  /** May end in a timeout: the board can be too quick to answer. */
  reset(): Promise<void>;
  /** Calls back with each line of console text; returns what stops it. */
  onConsole(listener: (line: string) => void): () => void;
}

export type UpdateFile = {
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`. */
  readonly hash: Uint8Array;
  /** Build id of the image in it. */
  readonly build: string;
};

export type MemoryLimits = {
  /** The banner of the new kernel, from the reset on. */
  readonly bannerMs: number;
};

export const memoryLimits: MemoryLimits = { bannerMs: 30_000 };

export type MemoryEvent =
  | { event: 'running'; board: string; build: string }
  | { event: 'send'; stage: 'serial'; file: string; done: number; total: number }
  | { event: 'start' };

export type MemoryOptions = {
  /** Refuses another board than this one. */
  readonly board?: Board;
  readonly limits?: MemoryLimits;
  readonly onEvent?: (event: MemoryEvent) => void;
  readonly signal?: AbortSignal;
};

const FILE = 'image';
const NOT_STARTED = /image in memory is not started: status (\d+)/;
/** What keeps cores from being handed over (kernel-aarch64/boot/cores.h, cores_park). */
const coreReasons: Readonly<Record<string, string>> = {
  timeout: 'a core does not let go of what it does',
  bad_state: 'a core was started and never came up',
};

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** The running board, and that it is the one that is meant. @throws WrongModeError */
export const checkRunning = async (running: RunningBoard, { board, onEvent }: MemoryOptions) => {
  const info = await running.info();
  onEvent?.({ event: 'running', board: info.board, build: info.build });
  if (board === undefined || isModel(info.board, board)) return info;
  throw new WrongModeError(
    running.describe(),
    `is a ${info.board}, not ${board.name}`,
    'name the port of the other board, or this board: see `velocity flash --list`',
  );
};

const send = async (running: RunningBoard, file: UpdateFile, { onEvent, signal }: MemoryOptions) => {
  const total = file.bytes.length;
  const progress = (done: number) => {
    if (signal?.aborted) throw new CancelledError(running.describe(), 'sending; the running kernel goes on');
    onEvent?.({ event: 'send', stage: 'serial', file: FILE, done, total });
  };
  const held = (await running.state()).find(({ place }) => place === 'memory');
  const isThere = held !== undefined && held.state !== 'empty' && same(held.hash, file.hash);
  if (isThere) return progress(total);
  await running.upload(file.bytes, progress);
};

const causes = [
  'the image does not start on this board: restart the board, and it starts from its own medium again',
  'the line broke just now: connect again and ask what runs',
];

/** That a kernel came up, whichever; or why the board kept the one before. */
type Outcome = 'up' | { readonly refusal: string };

/** What the console says after the reset. @throws TimeoutError */
const nextStart = (running: RunningBoard, limits: MemoryLimits) => {
  let end = () => {};
  const outcome = new Promise<Outcome>((resolve, reject) => {
    const late = () =>
      reject(new TimeoutError(running.describe(), 'the banner of the new kernel', limits.bannerMs, causes));
    const timer = setTimeout(late, limits.bannerMs);
    const stop = running.onConsole((line) => {
      if (READY.test(line)) resolve('up');
      const code = NOT_STARTED.exec(line)?.[1];
      if (code !== undefined) resolve({ refusal: statusOf(Number(code)).name });
    });
    end = () => {
      clearTimeout(timer);
      stop();
    };
  });
  outcome.catch(() => {}); // waited for later, or not at all when the reset fails
  return { outcome, end };
};

const isTimeout = (error: unknown) => (error as { code?: unknown } | null)?.code === 'timeout';

const restart = async (running: RunningBoard, limits: MemoryLimits): Promise<Outcome> => {
  const { outcome, end } = nextStart(running, limits);
  try {
    await running.reset().catch((error) => {
      if (!isTimeout(error)) throw error;
    });
    return await outcome;
  } finally {
    end();
  }
};

const goesOn = (running: RunningBoard, problem: string, next = 'try again') =>
  new RefusedError(running.describe(), problem, { hint: `the kernel from before goes on; ${next}` });

const coresStay = (running: RunningBoard, status: string) =>
  goesOn(
    running,
    `the image in memory is not started: ${coreReasons[status] ?? status}`,
    'restart the board and try again; where it stays so, write the boot medium (--to)',
  );

/**
 * Ends when the new kernel has said its build id, and that it is another start than before.
 * @throws WrongModeError, CancelledError, TimeoutError, RefusedError; the link's own errors
 */
export const startFromMemory = async (
  running: RunningBoard,
  file: UpdateFile,
  options: MemoryOptions = {},
): Promise<void> => {
  const before = await checkRunning(running, options);
  await send(running, file, options);
  await running.arm(file.hash);
  options.onEvent?.({ event: 'start' });
  const outcome = await restart(running, options.limits ?? memoryLimits);
  if (outcome !== 'up') throw coresStay(running, outcome.refusal);
  const after = await running.info();
  if (same(after.boot, before.boot)) throw goesOn(running, 'did not start the image');
  if (after.build === file.build) return;
  throw new RefusedError(running.describe(), `runs build ${after.build}, and ${file.build} was sent`, {
    hint: 'it was reset meanwhile and started from its own medium; try again',
  });
};
