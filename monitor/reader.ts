/** Reads a board again and again, and tells what it finds as entries: over any link, in Node.js and in a page. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ModuleInfo, type Transport, VelocityLink } from '../link/index.ts';
import type { Content, Reading, Sink } from './entry.ts';

/** What the kernel says once, when the link is up. */
const READY = /^velocity \S+ \S+ ready on /;
const STATS = 'velocity';

export type ReadOptions = {
  /** Time between two readings. */
  readonly intervalMs: number;
  /** How many readings to take, over all connections. */
  readonly count: number;
};

/** Counters of the board that move whenever its list of modules changes. */
const MOVING = [
  'installs',
  'promotions',
  'rollbacks',
  'removals',
  'versions_made',
  'versions_freed',
] as const;

/** Reads a board; what did not change since is not asked for again: on a slow line the list of modules is half of it. */
const makeRead = (link: VelocityLink): (() => Promise<Reading>) => {
  let known: { readonly key: string; readonly modules: readonly ModuleInfo[] } | undefined;
  return async () => {
    const board = await link.info();
    const stats = await link.stats(STATS);
    const key = [Buffer.from(board.boot).toString('hex'), ...MOVING.map((name) => stats[name])].join(' ');
    if (known?.key !== key || stats.installs === undefined) known = { key, modules: await link.modules() };
    const telemetry = await link.telemetryAll();
    const cores = await link.taskstat();
    return { board, modules: known.modules, telemetry, cores, stats, health: { ...link.health } };
  };
};

export class BoardReader {
  readonly #sink: Sink;
  readonly #options: ReadOptions;
  #lastEvent = 0n;
  /** Boot id of the board that the last event came from. */
  #boot = '';
  #rounds = 0;

  constructor(sink: Sink, options: ReadOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  tell(content: Content): void {
    this.#sink({ time_ms: Date.now(), ...content });
  }

  /** Shakes hands; console text is told from the first line on. @throws LinkTimeoutError, AbiMismatchError, UnpluggedError */
  connect(transport: Transport, readyTimeoutMs: number): Promise<VelocityLink> {
    return VelocityLink.over(transport, {
      readyTimeoutMs,
      onConsole: (line) => {
        if (READY.test(line)) this.#restarted();
        this.tell({ kind: 'console', line });
      },
    });
  }

  /** Ends when all readings are taken. @throws what the link throws, and the signal's error */
  async follow(link: VelocityLink, signal: AbortSignal): Promise<void> {
    const { count, intervalMs } = this.#options;
    await this.#recognise(link);
    const read = makeRead(link);
    while (this.#rounds < count && !signal.aborted) {
      for await (const event of link.events(this.#lastEvent)) {
        this.#lastEvent = event.seq;
        this.tell({ kind: 'event', event });
      }
      this.tell({ kind: 'reading', reading: await read() });
      this.#rounds += 1;
      if (this.#rounds < count) await sleep(intervalMs, undefined, { signal });
    }
  }

  /** A board that was reset numbers its events from 1 again. */
  #restarted(): void {
    this.#lastEvent = 0n;
  }

  /** After a lost connection, events go on where they were unless the board started anew meanwhile. */
  async #recognise(link: VelocityLink): Promise<void> {
    const boot = Buffer.from((await link.info()).boot).toString('hex');
    if (boot !== this.#boot) this.#restarted();
    this.#boot = boot;
  }
}
