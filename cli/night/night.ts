/** An hour of a board with eight modules whose work changes, and of the loop that looks after them. */
import type { ModuleProgram } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import {
  Detector,
  drift,
  Ledger,
  Loop,
  type LoopEvent,
  linkBoard,
  loadsOf,
  memoryStore,
  type Proposer,
  Schedule,
  type Target,
} from '../../evolve/index.ts';
import type { SigningKey } from '../../firmware/sign.ts';
import type { Telemetry, VelocityLink } from '../../link/index.ts';
import { patchFor, push } from '../patching.ts';
import { busyFeed, calmFeed, type Shift, shiftsOf } from './workload.ts';

export type NightOptions = {
  readonly programs: readonly ModuleProgram[];
  readonly key: SigningKey;
  readonly proposers: readonly Proposer[];
  /** Board time. */
  readonly minutes: number;
  readonly periodUs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: LoopEvent | ShiftEvent) => void;
  readonly progress: (minute: number) => void;
};

export type ShiftEvent = { readonly event: 'shift'; readonly module: string; readonly minute: number };

/** What a module cost between two readings, in cycles a call. */
export type Point = { readonly minute: number; readonly cycles: number };
export type Moment = { readonly minute: number; readonly event: LoopEvent | ShiftEvent };

export type Night = {
  readonly minutes: number;
  readonly ticks: number;
  readonly missed: number;
  readonly longestGapNs: number;
  readonly modules: ReadonlyMap<string, readonly Point[]>;
  readonly moments: readonly Moment[];
  /** Wall time from a detection to the swap of a canary, in ms. */
  readonly detectionToSwapMs: readonly number[];
};

/** Calls between two readings that count. */
const CALLS = 64n;
/** A replacement has to be at least a hundredth faster, or the board takes it back. */
const canary = { ratio: 990 };
const KEY = new Uint8Array(4);

type Reading = { readonly name: string; readonly timeNs: bigint } & Pick<
  Telemetry,
  'version' | 'calls' | 'cycles' | 'max'
>;

class Recorder {
  readonly #link: VelocityLink;
  readonly #options: NightOptions;
  readonly #detector = new Detector([drift()]);
  readonly #targets = new Map<string, Target>();
  readonly #last = new Map<string, Reading>();
  readonly #points = new Map<string, Point[]>();
  readonly #moments: Moment[] = [];
  readonly #swapMs: number[] = [];
  readonly #random: Random;
  readonly #loop: Loop;
  #shifts: readonly Shift[] = [];
  #start = 0n;
  #minute = 0;
  #detectedAt = 0;

  constructor(link: VelocityLink, options: NightOptions) {
    this.#link = link;
    this.#options = options;
    this.#random = new Random(options.seed);
    const { key, proposers, signal } = options;
    this.#loop = new Loop({
      board: linkBoard(link),
      ledger: new Ledger(memoryStore()),
      key,
      proposers,
      canary,
      // A canary is judged over a number of calls: on a loaded host these take long.
      watchTimeoutMs: 600_000,
      schedule: new Schedule(),
      onEvent: (event) => this.#note(event),
      signal,
    });
  }

  #note(event: LoopEvent | ShiftEvent): void {
    if (event.event === 'detect') this.#detectedAt = Date.now();
    if (event.event === 'swap' && this.#detectedAt > 0) {
      this.#swapMs.push(Date.now() - this.#detectedAt);
      this.#detectedAt = 0;
    }
    this.#moments.push({ minute: this.#minute, event });
    this.#options.onEvent(event);
  }

  async #feed(module: string, bytes: Uint8Array): Promise<void> {
    await this.#link.mapWrite(`${module}_feed`, KEY, bytes);
  }

  async load(): Promise<void> {
    for (const program of this.#options.programs) {
      const { name } = program;
      await push(this.#link, await patchFor(this.#link, { name, program }), this.#options.key, {
        canary: false,
      });
      await this.#feed(name, calmFeed(name));
      this.#targets.set(name, { name, program });
      this.#points.set(name, []);
    }
    await this.#link.timer(this.#options.periodUs);
    this.#start = (await this.#read())[0]!.timeNs;
    const names = [...this.#targets.keys()];
    this.#shifts = shiftsOf(names, this.#options.minutes, this.#random);
  }

  async #read(): Promise<Reading[]> {
    const all = await this.#link.telemetryAll();
    const readings = all
      .filter((t) => this.#targets.has(t.name))
      .map(({ time_ns: timeNs, name, version, calls, cycles, max }) => ({
        ...{ timeNs, name, version, calls, cycles, max },
      }));
    const [first] = readings;
    if (first && this.#start > 0n) this.#minute = Number(first.timeNs - this.#start) / 60e9;
    return readings;
  }

  async #shiftWhatIsDue(): Promise<void> {
    while (this.#shifts[0] && this.#shifts[0].minute <= this.#minute) {
      const [{ module }] = this.#shifts as [Shift];
      this.#shifts = this.#shifts.slice(1);
      await this.#feed(module, busyFeed(module, this.#random));
      this.#note({ event: 'shift', module, minute: this.#minute });
    }
  }

  /** Notes what a module cost since its last reading; whether that was long enough to count. */
  #take(reading: Reading): boolean {
    const before = this.#last.get(reading.name);
    const isSame = before?.version === reading.version;
    if (isSame && reading.calls < before.calls + CALLS) return false;
    this.#last.set(reading.name, reading);
    if (!isSame) return true;
    const cycles = Number(reading.cycles - before.cycles) / Number(reading.calls - before.calls);
    this.#points.get(reading.name)!.push({ minute: this.#minute, cycles });
    return true;
  }

  /** One round: what is due, what is slow, and of that the module that takes most first. */
  async round(earlier: readonly Reading[]): Promise<readonly Reading[]> {
    await this.#shiftWhatIsDue();
    const now = await this.#read();
    const slow = now
      .filter((r) => this.#take(r))
      .flatMap((reading) => {
        const detection = this.#detector.observe(reading);
        return detection ? [{ name: reading.name, detection }] : [];
      });
    const order = loadsOf(earlier, now).map((l) => l.module);
    const [first] = slow.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    if (first) {
      const { target } = await this.#loop.improve(this.#targets.get(first.name)!, first.detection);
      this.#targets.set(first.name, target);
    }
    return now;
  }

  get isOver(): boolean {
    return this.#minute >= this.#options.minutes;
  }

  get minute(): number {
    return this.#minute;
  }

  async summary(): Promise<Night> {
    const { ticks, missed, longest_gap_ns } = await this.#link.timer();
    return {
      minutes: this.#minute,
      ticks: Number(ticks),
      missed: Number(missed),
      longestGapNs: Number(longest_gap_ns),
      modules: this.#points,
      moments: this.#moments,
      detectionToSwapMs: this.#swapMs,
    };
  }
}

/** @throws when the board goes away, and when the signal says stop */
export const recordNight = async (link: VelocityLink, options: NightOptions): Promise<Night> => {
  const recorder = new Recorder(link, options);
  await recorder.load();
  for (let readings: readonly Reading[] = []; !recorder.isOver; ) {
    options.signal.throwIfAborted();
    readings = await recorder.round(readings);
    options.progress(recorder.minute);
  }
  return recorder.summary();
};
