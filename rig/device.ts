/** One board of the bench while tests run on it: its line, its link, its console text, and how often it started. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BoardInfo, openTransport, type Telemetry, VelocityLink } from '../link/index.ts';
import type { RigBoard } from './bench/index.ts';
import { CauseError } from './cause.ts';
import { type Line, lineOver } from './line.ts';

export type ConsoleLine = { readonly ms: number; readonly text: string };

/** A board that has power: an emulator that runs, or a port. */
export type Powered = {
  readonly address: string;
  /** Orders to the emulator; absent for a real board. */
  readonly control?: string;
  /** Resolves when an emulator ends, with its last words unless it was told to. */
  readonly exited?: Promise<Error | undefined>;
  readonly stop: () => Promise<void>;
};

/** Counters of the modules at one moment, for plots. */
export type Sample = { readonly ms: number; readonly modules: readonly Omit<Telemetry, 'histogram'>[] };

/** A start of the board that the rig saw: the first one, one it asked for, or one that nobody asked for. */
export type Start = { readonly ms: number; readonly wanted: boolean };

type Totals = {
  /** Bytes that the rig's own noise took or turned over. */
  readonly lost: number;
  readonly changed: number;
  /** Messages to the board, those of them that were sent again, and frames that came damaged. */
  readonly messages: number;
  readonly resent: number;
  readonly damaged: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
};

const nothing: Totals = {
  lost: 0,
  changed: 0,
  messages: 0,
  resent: 0,
  damaged: 0,
  bytesOut: 0,
  bytesIn: 0,
};

/** Also where the line damages what stands before it: less than READY of the contract. */
const SAYS_READY = / ready on /;
const CONNECT_TRIES = 50;
const CONNECT_PAUSE_MS = 100;
/** An emulated board that nobody asks anything runs far ahead of the clock on the wall. */
const POLL_MS = 50;
const SAMPLE_MS = 250;
/** A board whose time moves less than this for so long has lost its tick. */
const STALL_SECONDS = 0.5;
const STALL_MS = 60_000;
/** A noisy line and a busy host make a request late, not lost; the link suite says what the line does. */
const RETRIES = 9;

export class Device {
  readonly entry: RigBoard;
  readonly powered: Powered;
  readonly console: ConsoleLine[] = [];
  readonly starts: Start[] = [];
  readonly samples: Sample[] = [];
  readonly #began = performance.now();
  #line: Line | undefined;
  #link: VelocityLink | undefined;
  #wanted = 1;
  #past: Totals = nothing;
  info: BoardInfo | undefined;

  constructor(entry: RigBoard, powered: Powered) {
    this.entry = entry;
    this.powered = powered;
  }

  /** Milliseconds since the rig took this board up. */
  get ms(): number {
    return Math.round(performance.now() - this.#began);
  }

  /** Bytes that came so far over the line as it is now. */
  get received(): number {
    return this.#line?.traffic.received ?? 0;
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  get line(): Line {
    if (!this.#line) throw new Error(`${this.entry.name} is not connected`);
    return this.#line;
  }

  get link(): VelocityLink {
    if (!this.#link) throw new Error(`${this.entry.name} is not connected`);
    return this.#link;
  }

  /** Starts that nobody asked for. */
  get unwantedStarts(): readonly Start[] {
    return this.starts.filter(({ wanted }) => !wanted);
  }

  #onConsole(text: string): void {
    this.console.push({ ms: this.ms, text });
    if (!SAYS_READY.test(text)) return;
    this.starts.push({ ms: this.ms, wanted: this.#wanted > 0 });
    if (this.#wanted > 0) this.#wanted -= 1;
  }

  /** The line is there a moment later than the emulator, and a moment after the last one was let go. */
  async #openLine(): Promise<Line> {
    const { baud, emulated } = this.entry;
    for (let tries = 1; ; tries++) {
      try {
        return lineOver(await openTransport(this.powered.address, { baudRate: baud }), emulated.line ?? {});
      } catch (error) {
        if (tries === CONNECT_TRIES || this.entry.kind === 'real') throw error;
        await sleep(CONNECT_PAUSE_MS);
      }
    }
  }

  /** Opens the line without speaking: a board that starts is listened to first. */
  async listen(): Promise<void> {
    this.#line = await this.#openLine();
  }

  /** Opens the link; waits for a board that starts. @throws LinkError */
  async connect(readyTimeoutMs: number): Promise<BoardInfo> {
    if (!this.#line) await this.listen();
    this.#link = await VelocityLink.over(this.line, {
      readyTimeoutMs,
      retries: RETRIES,
      onConsole: (text) => this.#onConsole(text),
    });
    this.info = await this.#link.info();
    return this.info;
  }

  /** The host goes away without a word and comes back. */
  async reconnect(readyTimeoutMs: number): Promise<void> {
    await this.disconnect();
    await this.connect(readyTimeoutMs);
  }

  /** What happened over all lines so far. */
  get totals(): Totals {
    const past = this.#past;
    const traffic = this.#line?.traffic;
    const health = this.#link?.health;
    return {
      lost: past.lost + (traffic?.dropped ?? 0),
      changed: past.changed + (traffic?.flipped ?? 0),
      messages: past.messages + (health?.sent ?? 0),
      resent: past.resent + (health?.resent ?? 0),
      damaged: past.damaged + (health?.damaged ?? 0),
      bytesOut: past.bytesOut + (traffic?.sent ?? 0),
      bytesIn: past.bytesIn + (traffic?.received ?? 0),
    };
  }

  /** The same for the report; noise only where the rig made some. */
  get lineFacts(): Readonly<Record<string, number>> {
    const { lost, changed, messages, resent, damaged, bytesOut, bytesIn } = this.totals;
    return {
      messages,
      messages_sent_again: resent,
      frames_damaged: damaged,
      bytes_to_the_board: bytesOut,
      bytes_from_the_board: bytesIn,
      ...(this.entry.emulated.line
        ? { bytes_dropped_on_purpose: lost, bytes_changed_on_purpose: changed }
        : {}),
    };
  }

  async disconnect(): Promise<void> {
    this.#past = this.totals;
    await this.#link?.close();
    await this.#line?.close();
    this.#link = undefined;
    this.#line = undefined;
  }

  /** The next start is one that was asked for; `cause` makes it happen. Returns once the board answers again. */
  async restart(cause: () => Promise<unknown>, timeoutMs: number): Promise<void> {
    const before = this.starts.length;
    this.#wanted += 1;
    await cause();
    const deadline = performance.now() + timeoutMs;
    while (this.starts.length === before) {
      if (performance.now() > deadline) {
        this.#wanted -= 1;
        throw new Error(`${this.entry.name} did not start again within ${timeoutMs} ms`);
      }
      await sleep(20);
    }
    this.info = await this.link.handshake();
  }

  /** Keeps the counters of the modules as they are now; a board that does not answer is somebody else's news. */
  async sample(): Promise<void> {
    try {
      const modules = (await this.link.telemetryAll()).map(({ histogram: _, ...rest }) => rest);
      this.samples.push({ ms: this.ms, modules });
    } catch {}
  }

  /** The same, but not many times a second: it is a message for each module. */
  async sampleAgain(): Promise<void> {
    if (this.ms - (this.samples.at(-1)?.ms ?? 0) >= SAMPLE_MS) await this.sample();
  }

  /** Board time since the timer hook's counters were cleared, in seconds. */
  async boardSeconds(): Promise<number> {
    const { period_us, ticks, missed } = await this.link.timer();
    return (Number(ticks + missed) * period_us) / 1e6;
  }

  #stalled(passed: number): CauseError {
    return new CauseError(
      'time_stalls',
      `the board answers, but only ${passed.toFixed(3)} s of its time passed in ${STALL_MS / 1000} s: its tick does not come any more`,
      this.entry.kind === 'emulated'
        ? 'it may be the emulator too: try again with emulated: { clock: wall }'
        : undefined,
    );
  }

  /** Lets so much board time pass; `during` is called between readings. */
  async wait(seconds: number, during: () => Promise<unknown> = async () => {}): Promise<void> {
    const from = await this.boardSeconds();
    let [last, moved] = [from, performance.now()];
    for (let now = from; now - from < seconds; now = await this.boardSeconds()) {
      if (now - last >= STALL_SECONDS) [last, moved] = [now, performance.now()];
      else if (performance.now() - moved > STALL_MS) throw this.#stalled(now - last);
      await during();
      await sleep(POLL_MS);
    }
  }
}
