/** What a monitor is told: one entry after the other, from a board or from a recording. */
import type { BoardEvent, BoardInfo, LinkHealth, ModuleInfo, TaskStat, Telemetry } from '../link/index.ts';

/** How readings share the line with all else. */
export type Pace = {
  /** From the beginning of the reading before to that of this one; 0 at the first. */
  readonly period_ms: number;
  /** Time that the board's transmitter took for all that was asked for; 0 where it is not known. */
  readonly line_ms: number;
  /** Readings so far that came later than asked for, because the line is too slow for more. */
  readonly slowed: number;
};

/** Everything that is read off a board in one round. */
export type Reading = {
  readonly board: BoardInfo;
  /** Board time, in ns. Absent where only that of each module is known: in older recordings, and in the history. */
  readonly time_ns?: bigint;
  readonly telemetry: readonly Telemetry[];
  readonly modules: readonly ModuleInfo[];
  readonly health: Readonly<LinkHealth>;
  /** Absent in recordings from before it was known. */
  readonly pace?: Pace;
  /** Task statistics of the OS group, one entry a core. Empty when they were not asked for this time. */
  readonly cores: Readonly<Record<string, TaskStat>>;
  /** Counters of the statistics group. Empty when they were not asked for this time. */
  readonly stats: Readonly<Record<string, number | bigint>>;
};

export type Content =
  | { readonly kind: 'reading'; readonly reading: Reading }
  | { readonly kind: 'event'; readonly event: BoardEvent }
  | { readonly kind: 'console'; readonly line: string }
  | { readonly kind: 'down'; readonly why: string };

/** `time_ms` is the host's clock, milliseconds since 1970. */
export type Entry = Content & { readonly time_ms: number };

export type Sink = (entry: Entry) => void;

/** An entry, and the board that it is of: its port, or the name of a virtual board. */
export type Told = { readonly port: string; readonly entry: Entry };
