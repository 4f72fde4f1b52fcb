/** Where a monitor's entries come from: a board, or a recording of one. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chosenKey, signerOf } from '../../firmware/sign.ts';
import { openTransport, type Transport, type VelocityLink, withReconnect } from '../../link/index.ts';
import { BoardReader, type ReadOptions, type Sink, type Told } from '../../monitor/index.ts';
import { finished } from '../cleanup.ts';
import { type BoardOptions, withBoard } from '../connect.ts';
import type { Context } from '../context.ts';
import { FileError } from '../failure.ts';

const BOOT_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 5000;

export type FeedOptions = ReadOptions & {
  /** Also wait for a board that is not there at first. */
  readonly patient: boolean;
};

/** A board, and what a person may ask of it meanwhile. */
export class BoardFeed {
  readonly #reader: BoardReader;
  readonly #options: FeedOptions;
  #open: { link: VelocityLink; transport: Transport } | undefined;

  constructor(sink: Sink, options: FeedOptions) {
    this.#reader = new BoardReader(sink, options);
    this.#options = options;
  }

  /** Ends when all readings are taken, or with the error of a signal. */
  run(context: Context, board: BoardOptions): Promise<void> {
    const { signal } = context.cleanup;
    return withBoard(context, board, async (address, virtual) => {
      const open = () => this.#connect(context, address, board, virtual);
      const follow = (link: VelocityLink) => {
        const work = this.#reader.follow(link, signal);
        return this.#options.onRuns ? finished(context.cleanup, work) : work; // a board stops recording when it is told
      };
      if (virtual) return follow(await open()); // an emulator that ended does not come back
      return withReconnect(open, follow, {
        signal,
        waitForFirst: this.#options.patient,
        onDown: (cause) => this.#reader.tell({ kind: 'down', why: cause.message }),
      });
    });
  }

  /** Swaps a module back; the sentence says how it went. */
  async rollback(name: string): Promise<string> {
    if (!this.#open) return 'the board is not connected';
    try {
      const { version } = await this.#open.link.rollback(name);
      return `${name} runs version ${version} again`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Types a line on the board's console. */
  async command(line: string): Promise<string> {
    if (!this.#open) return 'the board is not connected';
    await this.#open.transport.write(Buffer.from(`${line}\n`)).catch(() => {}); // the reading tells that it went away
    return '';
  }

  async #connect(context: Context, address: string, board: BoardOptions, virtual: boolean) {
    const { baud: baudRate, key } = board;
    const transport = await openTransport(address, baudRate ? { baudRate } : {});
    const link = await this.#reader.connect(transport, virtual ? BOOT_TIMEOUT_MS : READY_TIMEOUT_MS);
    link.signWith(signerOf(() => chosenKey(key)));
    this.#open = { link, transport };
    const forget = context.cleanup.add(() => link.close());
    link.onClose(() => {
      this.#open = undefined;
      void forget();
    });
    return link;
  }
}

/** @throws FileError */
export const readRecording = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const hint = 'give a file that `velocity monitor --record` wrote';
    throw new FileError(path, missing ? 'no such file' : 'cannot be read', hint, { cause });
  }
};

/** Nobody waits longer for a board that was away, or for a clock that was set. */
const LONGEST_PAUSE_MS = 10_000;

/** Tells entries with the pauses they had, divided by `speed`; without any when it is 0. */
export const replay = async (
  entries: Iterable<Told>,
  sink: (told: Told) => void,
  options: { speed: number; count: number; signal: AbortSignal },
): Promise<void> => {
  let last: number | undefined;
  let left = options.count;
  for (const told of entries) {
    const { entry } = told;
    const passed = options.speed > 0 ? (entry.time_ms - (last ?? entry.time_ms)) / options.speed : 0;
    const pause = Math.min(passed, LONGEST_PAUSE_MS);
    if (pause > 0) await sleep(pause, undefined, { signal: options.signal });
    last = entry.time_ms;
    sink(told);
    if (entry.kind === 'reading' && --left <= 0) return;
  }
};
