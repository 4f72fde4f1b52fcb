/** What a monitor is told: one entry after the other, from a board or from a recording. */
import type { BoardEvent, BoardInfo, LinkHealth, ModuleInfo, TaskStat, Telemetry } from '../link/index.ts';

/** Everything that is read off a board in one round. */
export type Reading = {
  readonly board: BoardInfo;
  readonly telemetry: readonly Telemetry[];
  readonly modules: readonly ModuleInfo[];
  readonly health: Readonly<LinkHealth>;
  /** Task statistics of the OS group, one entry a core. */
  readonly cores: Readonly<Record<string, TaskStat>>;
  /** Counters of the statistics group. */
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
