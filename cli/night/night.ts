/**
 * An hour of a board with eight modules whose work changes, and of the loop that looks after them. What changes, and what is read,
 * does not wait for the loop: an emulated board may live through minutes while one module is worked on.
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ModuleProgram } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import {
  type Detection,
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
import type { VelocityLink } from '../../link/index.ts';
import { patchFor, push } from '../patching.ts';
import { Costs, type Reading } from './costs.ts';
import type { Moment, Night, ShiftEvent } from './recorded.ts';
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

/** Pause between two readings, in ms of wall time: the loop needs the line as well. */
const PAUSE_MS = 20;
/** A replacement has to be at least a hundredth faster, or the board takes it back. */
const canary = { ratio: 990 };
const KEY = new Uint8Array(4);

/** A module to be worked on, what it takes of the board, and since when that is known (performance.now()). */
type Slow = { readonly detection: Detection; readonly load: number; readonly since: number };

class Recorder {
  readonly #link: VelocityLink;
  readonly #options: NightOptions;
  readonly #detector = new Detector([drift()]);
  readonly #targets = new Map<string, Target>();
  readonly #costs: Costs;
  readonly #moments: Moment[] = [];
  readonly #swapMs: number[] = [];
  readonly #hostLoads: number[] = [];
  readonly #random: Random;
  readonly #loop: Loop;
  readonly #slow = new Map<string, Slow>();
  #shifts: readonly Shift[] = [];
  #start = 0n;
  #minute = 0;
  #working: { readonly module: string; readonly since: number; swapped?: boolean } | undefined;
  #failed = false;

  constructor(link: VelocityLink, options: NightOptions) {
    this.#link = link;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#costs = new Costs(options.programs.map((p) => p.name));
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
    const working = this.#working;
    if (event.event === 'detect') this.#hostLoads.push(loadavg()[0]!);
    if (event.event === 'swap' && working && !working.swapped) {
      working.swapped = true;
      this.#swapMs.push(Math.round(performance.now() - working.since));
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
      const { key } = this.#options;
      await push(this.#link, await patchFor(this.#link, { name, program }, key), key, { canary: false });
      await this.#feed(name, calmFeed(name));
      this.#targets.set(name, { name, program });
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
    for (let [due] = this.#shifts; due && due.minute <= this.#minute; [due] = this.#shifts) {
      const { module } = due;
      if (!this.#costs.isKnown(module)) return;
      this.#shifts = this.#shifts.slice(1);
      await this.#feed(module, busyFeed(module, this.#random));
      this.#costs.noteChange(module);
      this.#note({ event: 'shift', module, minute: this.#minute });
    }
  }

  /** What is due, what everything costs, and which modules are slow. */
  async #round(earlier: readonly Reading[]): Promise<readonly Reading[]> {
    await this.#shiftWhatIsDue();
    const now = await this.#read();
    const loads = loadsOf(earlier, now);
    for (const reading of now.filter((r) => this.#costs.take(r, this.#minute))) {
      const { name } = reading;
      if (this.#working?.module === name) continue;
      const detection = this.#detector.observe(reading);
      if (!detection) continue;
      const load = loads.find((l) => l.module === name)?.cyclesPerSecond ?? 0;
      this.#slow.set(name, { detection, load, since: this.#slow.get(name)?.since ?? performance.now() });
    }
    return now;
  }

  /** Changes, reads and detects until the time is over. */
  async #watch(): Promise<void> {
    for (let readings: readonly Reading[] = []; !this.#isOver; await sleep(PAUSE_MS)) {
      this.#options.signal.throwIfAborted();
      readings = await this.#round(readings);
      this.#options.progress(this.#minute);
    }
  }

  /** Works on what was found slow, the module that takes most of the board's cycles first. */
  async #work(): Promise<void> {
    for (; !this.#isDone; await sleep(PAUSE_MS)) {
      const [next] = [...this.#slow].sort(([, a], [, b]) => b.load - a.load);
      if (!next) continue;
      const [module, { detection, since }] = next;
      this.#working = { module, since };
      const { target } = await this.#loop.improve(this.#targets.get(module)!, detection);
      this.#targets.set(module, target);
      this.#slow.delete(module);
      this.#working = undefined;
    }
  }

  /** Both of them. @throws what either throws first */
  async run(): Promise<void> {
    const guarded = (task: Promise<void>) =>
      task.catch((error: unknown) => {
        this.#failed = true;
        throw error;
      });
    await Promise.all([guarded(this.#watch()), guarded(this.#work())]);
  }

  get #isOver(): boolean {
    if (this.#failed) return true;
    return this.#minute >= this.#options.minutes && this.#shifts.length === 0 && this.#costs.isRead;
  }

  get #isDone(): boolean {
    return this.#failed || (this.#isOver && this.#slow.size === 0);
  }

  async summary(): Promise<Night> {
    const { ticks, missed, longest_gap_ns } = await this.#link.timer();
    return {
      minutes: this.#minute,
      ticks: Number(ticks),
      missed: Number(missed),
      longestGapNs: Number(longest_gap_ns),
      modules: this.#costs.points,
      moments: this.#moments,
      detectionToSwapMs: this.#swapMs,
      hostLoad: this.#hostLoads.reduce((sum, load) => sum + load / this.#hostLoads.length, 0),
    };
  }
}

/** @throws when the board goes away, and when the signal says stop */
export const recordNight = async (link: VelocityLink, options: NightOptions): Promise<Night> => {
  const recorder = new Recorder(link, options);
  await recorder.load();
  await recorder.run();
  return recorder.summary();
};
