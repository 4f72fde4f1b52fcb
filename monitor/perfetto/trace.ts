/**
 * What a monitor was told, as a Perfetto trace: a process for each start of a board; in it a track for each module with
 * its versions as slices and the board's events as instants, and counters of modules and cores. Single runs of a hook
 * are not in it: the board counts them and does not keep them.
 *
 * Times are the board's own, moved so that its first reading lies at the host's time of it.
 */
import { statusOf } from '../../abi/index.ts';
import type { BoardEvent } from '../../link/index.ts';
import type { Entry } from '../entry.ts';
import { callsPerSecond, cyclesPerCall, emptyState, type MonitorState, take } from '../state.ts';
import { begin, count, counterTrack, end, firstPacket, instant, processTrack, track } from './packets.ts';

const MS = 1_000_000n;

/** One start of a board. */
type Start = {
  readonly boot: string;
  readonly uuid: number;
  /** From the board's clock to nanoseconds since 1970. */
  readonly offset_ns: bigint;
};

export class PerfettoTrace {
  readonly #out: (bytes: Buffer) => void;
  readonly #tracks = new Map<string, number>();
  /** Version that a module's open slice shows, by track. */
  readonly #running = new Map<number, number>();
  #state: MonitorState = emptyState;
  #start: Start | undefined;
  #starts = 0;
  #last_ns = 0n;
  /** Events that came before the first reading, which says how the clocks lie. */
  #early: BoardEvent[] = [];

  /** Each call of `out` gets whole packets; the file is all of them, one behind the other. */
  constructor(out: (bytes: Buffer) => void) {
    this.#out = out;
    out(firstPacket());
  }

  take(entry: Entry): void {
    this.#state = take(this.#state, entry);
    if (entry.kind === 'reading') this.#reading(entry.time_ms);
    if (entry.kind === 'event' && this.#start) this.#event(this.#start, entry.event);
    else if (entry.kind === 'event') this.#early.push(entry.event);
  }

  /** Ends what is still open. */
  close(): void {
    for (const uuid of this.#running.keys()) this.#out(end(this.#last_ns, uuid));
    this.#running.clear();
  }

  #begin(boot: string, offset_ns: bigint): Start {
    this.close();
    this.#starts += 1;
    const uuid = this.#tracks.size + this.#starts;
    const name = `${this.#state.board?.board ?? 'board'}, start ${this.#starts}`;
    this.#out(processTrack(uuid, this.#starts, name));
    return { boot, uuid, offset_ns };
  }

  /** A board that was reset has another boot id, and a clock that begins anew. */
  #startAt(time_ms: number, board_ns: bigint): Start {
    const boot = Buffer.from(this.#state.board?.boot ?? []).toString('hex');
    if (this.#start?.boot === boot) return this.#start;
    this.#start = this.#begin(boot, BigInt(Math.round(time_ms)) * MS - board_ns);
    for (const event of this.#early) this.#event(this.#start, event);
    this.#early = [];
    return this.#start;
  }

  #track(start: Start, name: string, unit?: string): number {
    const key = `${start.uuid} ${unit ?? ''} ${name}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const uuid = this.#tracks.size + this.#starts + 1;
    this.#tracks.set(key, uuid);
    this.#out(unit ? counterTrack(uuid, start.uuid, name, unit) : track(uuid, start.uuid, name));
    return uuid;
  }

  #reading(time_ms: number): void {
    const { rows, cores } = this.#state;
    const board_ns = rows[0]?.telemetry.time_ns ?? 0n;
    const start = this.#startAt(time_ms, board_ns);
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
    for (const core of cores) {
      if (core.ticksPerSecond === undefined || core.wakeupsPerSecond === undefined) continue;
      const counter = (what: string, value: number) =>
        this.#out(count(this.#last_ns, this.#track(start, `${core.name} ${what}`, 'per second'), value));
      counter('ticks', core.ticksPerSecond);
      counter('wakeups', core.wakeupsPerSecond);
    }
  }

  #runs(time_ns: bigint, uuid: number, version: number, state: string): void {
    if (this.#running.get(uuid) === version) return;
    if (this.#running.has(uuid)) this.#out(end(time_ns, uuid));
    this.#out(begin(time_ns, uuid, `v${version}${state === 'canary' ? ' (canary)' : ''}`));
    this.#running.set(uuid, version);
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
