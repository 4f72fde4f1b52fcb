/**
 * What a monitor was told, as a Perfetto trace: a process for each start of a board; in it a track for each module with
 * its versions as slices and the board's events as instants, counters of modules and cores, and a track for each core with
 * the single runs that were told of.
 *
 * Times are the board's own, moved so that its first reading lies at the host's time of it.
 */
import { type HookRun, statusOf } from '../../abi/index.ts';
import type { BoardEvent } from '../../link/index.ts';
import type { Entry, Told } from '../entry.ts';
import type { RunsTaken } from '../reader.ts';
import { callsPerSecond, cyclesPerCall, emptyState, type MonitorState, take } from '../state.ts';
import { begin, count, counterTrack, end, firstPacket, instant, processTrack, track } from './packets.ts';
import { runSlice } from './runs.ts';

const MS = 1_000_000n;

/** One start of a board. */
type Start = {
  readonly boot: string;
  readonly uuid: number;
  /** From the board's clock to nanoseconds since 1970. */
  readonly offset_ns: bigint;
};

/** Numbers that may stand only once in a trace. */
class Numbers {
  #uuid = 0;
  #pid = 0;
  uuid(): number {
    this.#uuid += 1;
    return this.#uuid;
  }
  pid(): number {
    this.#pid += 1;
    return this.#pid;
  }
}

class BoardTrace {
  readonly #port: string;
  readonly #numbers: Numbers;
  readonly #out: (bytes: Buffer) => void;
  readonly #tracks = new Map<string, number>();
  /** Name of the slice that is open on a module's track. */
  readonly #running = new Map<number, string>();
  #state: MonitorState = emptyState;
  #start: Start | undefined;
  #starts = 0;
  #last_ns = 0n;
  /** Events wait for the reading of their round: it says which start they are of, and how the clocks lie. */
  #waiting: BoardEvent[] = [];
  #waitingRuns: HookRun[] = [];
  #lost = 0;
  /** Names of modules by their numbers, which no other module of this start has. */
  readonly #names = new Map<number, string>();

  constructor(port: string, numbers: Numbers, out: (bytes: Buffer) => void) {
    this.#port = port;
    this.#numbers = numbers;
    this.#out = out;
  }

  take(entry: Entry): void {
    this.#state = take(this.#state, entry);
    if (entry.kind === 'reading') this.#reading(entry.time_ms, Object.keys(entry.reading.cores).length > 0);
    else if (entry.kind === 'event') this.#waiting.push(entry.event);
    else if (entry.kind === 'down') this.#happen(); // who comes back may have started anew
  }

  takeRuns({ runs, lost }: RunsTaken): void {
    this.#waitingRuns.push(...runs);
    this.#lost = lost;
  }

  /** Ends what is still open. */
  close(): void {
    this.#happen();
    this.#endSlices();
  }

  #endSlices(): void {
    for (const uuid of this.#running.keys()) this.#out(end(this.#last_ns, uuid));
    this.#running.clear();
  }

  #happen(): void {
    if (!this.#start) return;
    for (const event of this.#waiting) this.#event(this.#start, event);
    this.#waiting = [];
    for (const run of this.#waitingRuns) this.#run(this.#start, run);
    this.#waitingRuns = [];
  }

  #begin(boot: string, offset_ns: bigint): Start {
    this.#endSlices();
    this.#names.clear();
    this.#starts += 1;
    const uuid = this.#numbers.uuid();
    const name = `${this.#port}: ${this.#state.board?.board ?? 'board'}, start ${this.#starts}`;
    this.#out(processTrack(uuid, this.#numbers.pid(), name));
    return { boot, uuid, offset_ns };
  }

  /** A board that was reset has another boot id, and a clock that begins anew. Undefined while its clock is not known. */
  #startAt(time_ms: number): Start | undefined {
    const boot = Buffer.from(this.#state.board?.boot ?? []).toString('hex');
    if (this.#start?.boot === boot) return this.#start;
    const board_ns = this.#state.rows[0]?.telemetry.time_ns ?? this.#waiting.at(-1)?.time_ns;
    if (board_ns === undefined) return undefined;
    this.#start = this.#begin(boot, BigInt(Math.round(time_ms)) * MS - board_ns);
    return this.#start;
  }

  #track(start: Start, name: string, unit?: string): number {
    const key = `${start.uuid} ${unit ?? ''} ${name}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const uuid = this.#numbers.uuid();
    this.#tracks.set(key, uuid);
    this.#out(unit ? counterTrack(uuid, start.uuid, name, unit) : track(uuid, start.uuid, name));
    return uuid;
  }

  #reading(time_ms: number, coresToo: boolean): void {
    const { rows, cores } = this.#state;
    const start = this.#startAt(time_ms);
    if (!start) return;
    for (const { module } of rows) if (module) this.#names.set(module.id, module.name);
    const ran = this.#waitingRuns.length > 0;
    this.#happen();
    for (const row of rows) {
      const time_ns = row.telemetry.time_ns + start.offset_ns;
      const { name, version } = row.telemetry;
      this.#runs(time_ns, this.#track(start, name), version, row.module?.state ?? '');
      if (row.calls > 0)
        this.#out(count(time_ns, this.#track(start, `${name} cost`, 'cycles per call'), cyclesPerCall(row)));
      if (row.seconds > 0)
        this.#out(count(time_ns, this.#track(start, `${name} calls`, 'per second'), callsPerSecond(row)));
      this.#last_ns = time_ns;
    }
    if (ran) this.#out(count(this.#last_ns, this.#track(start, 'runs not read in time', 'runs'), this.#lost));
    for (const core of coresToo ? cores : []) {
      if (core.ticksPerSecond === undefined || core.wakeupsPerSecond === undefined) continue;
      const counter = (what: string, value: number) =>
        this.#out(count(this.#last_ns, this.#track(start, `${core.name} ${what}`, 'per second'), value));
      counter('ticks', core.ticksPerSecond);
      counter('wakeups', core.wakeupsPerSecond);
    }
  }

  #runs(time_ns: bigint, uuid: number, version: number, state: string): void {
    const name = `v${version}${state === 'canary' ? ' (canary)' : ''}`;
    if (this.#running.get(uuid) === name) return;
    if (this.#running.has(uuid)) this.#out(end(time_ns, uuid));
    this.#out(begin(time_ns, uuid, name));
    this.#running.set(uuid, name);
  }

  #run(start: Start, run: HookRun): void {
    const uuid = this.#track(start, `core${run.core} runs`);
    const name = this.#names.get(run.module) ?? `module ${run.module}`;
    for (const piece of runSlice(run, uuid, name, start.offset_ns)) this.#out(piece);
  }

  #event(start: Start, event: BoardEvent): void {
    const { kind, name, version, reason, before, after, text } = event;
    const note = {
      version,
      ...(reason === 0 ? {} : { reason: statusOf(reason).name }),
      ...(before > 0n ? { cycles_before: before } : {}),
      ...(after > 0n ? { cycles_after: after } : {}),
      ...(text ? { text } : {}),
    };
    const what = kind === 'log' ? text : `${kind} v${version}`;
    this.#out(instant(event.time_ns + start.offset_ns, this.#track(start, `${name} events`), what, note));
  }
}

/** One file of as many boards as are told of. */
export class PerfettoTrace {
  readonly #out: (bytes: Buffer) => void;
  readonly #numbers = new Numbers();
  readonly #boards = new Map<string, BoardTrace>();

  /** Each call of `out` gets whole packets; the file is all of them, one behind the other. */
  constructor(out: (bytes: Buffer) => void) {
    this.#out = out;
    out(firstPacket());
  }

  take({ port, entry }: Told): void {
    this.#board(port).take(entry);
  }

  /** Single runs; they are placed by the next reading. */
  takeRuns(port: string, taken: RunsTaken): void {
    this.#board(port).takeRuns(taken);
  }

  #board(port: string): BoardTrace {
    const board = this.#boards.get(port) ?? new BoardTrace(port, this.#numbers, this.#out);
    this.#boards.set(port, board);
    return board;
  }

  /** Ends what is still open. */
  close(): void {
    for (const board of this.#boards.values()) board.close();
  }
}
