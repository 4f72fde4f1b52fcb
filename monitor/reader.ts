/** Reads a board again and again, and tells what it finds as entries: over any link, in Node.js and in a page. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type HookRun, READY } from '../abi/index.ts';
import { type Report, type Transport, VelocityLink } from '../link/index.ts';
import type { Content, Pace, Reading, Sink } from './entry.ts';

const STATS = 'velocity';

export type ReadOptions = {
  /** Time between two readings. */
  readonly intervalMs: number;
  /** How many readings to take, over all connections. */
  readonly count: number;
  /** Records single runs of hooks, where given, and is told of them at each reading. */
  readonly onRuns?: (taken: RunsTaken) => void;
};

/** Single runs of hooks since the reading before. */
export type RunsTaken = {
  readonly runs: readonly HookRun[];
  /** Runs that were overwritten before they were read, since recording began. */
  readonly lost: number;
};

/** What changes slowly is asked for at most so often, and with every other reading where the line sets the pace: the others are a report and nothing else. */
const SLOW_MS = 1000;
const SLOW_READINGS = 2;
/** Share of the line that readings may take: the rest is for console text, commands and patches. */
const LINE_SHARE = 0.3;

const onRunsOf =
  (onRuns: NonNullable<ReadOptions['onRuns']>) =>
  ({ runs, lost }: Awaited<ReturnType<VelocityLink['trace']>>) =>
    onRuns({ runs, lost: Number(lost) });

type Slow = Pick<Reading, 'board' | 'cores' | 'stats'>;

const readSlow = async (link: VelocityLink): Promise<Slow> => ({
  board: await link.info(),
  stats: await link.stats(STATS),
  cores: await link.taskstat(),
});

export class BoardReader {
  readonly #sink: Sink;
  readonly #options: ReadOptions;
  #lastEvent = 0n;
  /** Boot id of the board that the last event came from. */
  #boot = '';
  #rounds = 0;
  #slowed = 0;

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
    const { onRuns } = this.#options;
    if (!onRuns) return this.#read(link, signal);
    await link.trace(true);
    try {
      await this.#read(link, signal);
    } finally {
      // A board that went away meanwhile ends it by itself.
      await link.trace(false).then(onRunsOf(onRuns), () => {});
    }
  }

  async #read(link: VelocityLink, signal: AbortSignal): Promise<void> {
    const { count, intervalMs } = this.#options;
    let slow: Slow | undefined;
    let slowAt = 0;
    let period = intervalMs;
    let last: number | undefined;
    while (this.#rounds < count && !signal.aborted) {
      const began = performance.now();
      const bytes = link.bytes;
      const report = await link.report();
      const least = period > intervalMs ? SLOW_READINGS * period : 0;
      const due = !slow || report.whole || began - slowAt >= Math.max(SLOW_MS, least);
      if (due) slowAt = began;
      slow = due ? await readSlow(link) : { board: slow!.board, cores: {}, stats: {} };
      this.#recognise(slow.board.boot);
      await this.#tellEvents(link, report);
      await this.#tellRuns(link);
      const line_ms = ((link.bytes - bytes) * report.byte_ns) / 1e6;
      period = Math.max(intervalMs, line_ms / LINE_SHARE);
      const period_ms = last === undefined ? 0 : began - last;
      this.#tellReading(link, report, slow, { period_ms, line_ms, slowed: this.#slowed });
      if (period > intervalMs) this.#slowed += 1;
      last = began;
      this.#rounds += 1;
      const rest = began + period - performance.now();
      if (this.#rounds < count) await sleep(Math.max(0, rest), undefined, { signal });
    }
  }

  async #tellEvents(link: VelocityLink, { event: newest }: Report): Promise<void> {
    if (newest === this.#lastEvent) return;
    for await (const event of link.events(this.#lastEvent)) {
      this.#lastEvent = event.seq;
      this.tell({ kind: 'event', event });
    }
  }

  /** All that were there when it began; a board that started anew, or ended it, is asked again. */
  async #tellRuns(link: VelocityLink): Promise<void> {
    const { onRuns } = this.#options;
    if (!onRuns) return;
    let until: bigint | undefined;
    for (;;) {
      const taken = await link.trace(true);
      until ??= taken.time_ns;
      onRunsOf(onRuns)(taken);
      const { runs } = taken;
      if (runs.length === 0 || runs.every(({ begin_ns }) => begin_ns >= until!)) return;
    }
  }

  #tellReading(link: VelocityLink, report: Report, slow: Slow, pace: Pace): void {
    const { telemetry, modules, time_ns } = report;
    this.tell({
      kind: 'reading',
      reading: { ...slow, time_ns, modules, telemetry, pace, health: { ...link.health } },
    });
  }

  /** A board that was reset numbers its events from 1 again. */
  #restarted(): void {
    this.#lastEvent = 0n;
  }

  /** After a lost connection, events go on where they were unless the board started anew meanwhile. */
  #recognise(id: Uint8Array): void {
    const boot = Buffer.from(id).toString('hex');
    if (boot !== this.#boot) this.#restarted();
    this.#boot = boot;
  }
}
