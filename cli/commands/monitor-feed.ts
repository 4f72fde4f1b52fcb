/** Where a monitor's entries come from: a board, or a recording of one. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTransport, type Transport, VelocityLink, withReconnect } from '../../link/index.ts';
import { type Content, entriesOf, type Sink } from '../../monitor/index.ts';
import { type BoardOptions, withBoard } from '../connect.ts';
import type { Context } from '../context.ts';
import { FileError } from '../failure.ts';

/** What the kernel says once, when the link is up. */
const READY = /^velocity \S+ \S+ ready on /;
const BOOT_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 5000;
const STATS = 'velocity';

export type FeedOptions = {
  /** Time between two readings. */
  readonly intervalMs: number;
  /** How many readings to take. */
  readonly count: number;
  /** Also wait for a board that is not there at first. */
  readonly patient: boolean;
};

const read = async (link: VelocityLink) => {
  const board = await link.info();
  const modules = await link.modules();
  const telemetry = await link.telemetryAll();
  const cores = await link.taskstat();
  const stats = await link.stats(STATS);
  return { board, modules, telemetry, cores, stats, health: { ...link.health } };
};

/** A board, and what a person may ask of it meanwhile. */
export class BoardFeed {
  readonly #sink: Sink;
  readonly #options: FeedOptions;
  #open: { link: VelocityLink; transport: Transport } | undefined;
  #lastEvent = 0n;
  /** Boot id of the board that the last event came from. */
  #boot = '';
  #rounds = 0;

  constructor(sink: Sink, options: FeedOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Ends when all readings are taken, or with the error of a signal. */
  run(context: Context, board: BoardOptions): Promise<void> {
    const { signal } = context.cleanup;
    return withBoard(context, board, async (address, virtual) => {
      const open = () => this.#connect(context, address, board.baud, virtual);
      const follow = (link: VelocityLink) => this.#follow(link, signal);
      if (virtual) return follow(await open()); // an emulator that ended does not come back
      return withReconnect(open, follow, {
        signal,
        waitForFirst: this.#options.patient,
        onDown: (cause) => this.#tell({ kind: 'down', why: cause.message }),
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

  #tell(content: Content): void {
    this.#sink({ time_ms: Date.now(), ...content });
  }

  /** A board that was reset numbers its events from 1 again. */
  #restarted(): void {
    this.#lastEvent = 0n;
  }

  async #connect(context: Context, address: string, baudRate: number | undefined, virtual: boolean) {
    const transport = await openTransport(address, baudRate ? { baudRate } : {});
    const link = await VelocityLink.over(transport, {
      readyTimeoutMs: virtual ? BOOT_TIMEOUT_MS : READY_TIMEOUT_MS,
      onConsole: (line) => {
        if (READY.test(line)) this.#restarted();
        this.#tell({ kind: 'console', line });
      },
    });
    this.#open = { link, transport };
    const forget = context.cleanup.add(() => link.close());
    link.onClose(() => {
      this.#open = undefined;
      void forget();
    });
    return link;
  }

  /** After a lost connection, events go on where they were unless the board started anew meanwhile. */
  async #recognise(link: VelocityLink): Promise<void> {
    const boot = Buffer.from((await link.info()).boot).toString('hex');
    if (boot !== this.#boot) this.#restarted();
    this.#boot = boot;
  }

  async #follow(link: VelocityLink, signal: AbortSignal): Promise<void> {
    const { count, intervalMs } = this.#options;
    await this.#recognise(link);
    while (this.#rounds < count && !signal.aborted) {
      for await (const event of link.events(this.#lastEvent)) {
        this.#lastEvent = event.seq;
        this.#tell({ kind: 'event', event });
      }
      this.#tell({ kind: 'reading', reading: await read(link) });
      this.#rounds += 1;
      if (this.#rounds < count) await sleep(intervalMs, undefined, { signal });
    }
  }
}

const readRecording = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const hint = 'give a file that `velocity monitor --record` wrote';
    throw new FileError(path, missing ? 'no such file' : 'cannot be read', hint, { cause });
  }
};

/** Tells the entries of a file with the pauses they had, divided by `speed`; without any when it is 0. */
export const replay = async (
  path: string,
  sink: Sink,
  options: { speed: number; count: number; signal: AbortSignal },
): Promise<void> => {
  let last: number | undefined;
  let left = options.count;
  for (const entry of entriesOf(readRecording(path), path)) {
    const pause =
      options.speed > 0 ? Math.max(0, entry.time_ms - (last ?? entry.time_ms)) / options.speed : 0;
    if (pause > 0) await sleep(pause, undefined, { signal: options.signal });
    last = entry.time_ms;
    sink(entry);
    if (entry.kind === 'reading' && --left <= 0) return;
  }
};
