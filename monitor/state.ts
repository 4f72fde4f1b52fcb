/** What a monitor knows of a board, and how a new reading changes it. Pure: readings in, state out. */
import type { BoardInfo, LinkHealth, ModuleInfo, Telemetry } from '../link/index.ts';

/** One module, as of the latest reading. */
export type ModuleRow = {
  readonly telemetry: Telemetry;
  readonly module: ModuleInfo | undefined;
  /** Calls and cycles since the reading before, or since the start of this version at the first one. */
  readonly calls: number;
  readonly cycles: number;
  /** Board time that this took, in seconds; 0 at the first reading. */
  readonly seconds: number;
  /** Mean cycles per call of each interval, oldest first. */
  readonly history: readonly number[];
};

export type MonitorState = {
  readonly board: BoardInfo | undefined;
  readonly rows: readonly ModuleRow[];
  readonly health: Readonly<LinkHealth> | undefined;
  /** Why there is no connection just now; undefined while there is one. */
  readonly down: string | undefined;
};

export const emptyState: MonitorState = { board: undefined, rows: [], health: undefined, down: undefined };

const HISTORY = 32;

/** Counters begin anew with a version, and after a reset of the board. */
const continues = (before: Telemetry | undefined, now: Telemetry): before is Telemetry =>
  before !== undefined && before.version === now.version && before.calls <= now.calls;

const rowOf = (telemetry: Telemetry, module: ModuleInfo | undefined, before?: ModuleRow): ModuleRow => {
  const last = continues(before?.telemetry, telemetry) ? before?.telemetry : undefined;
  const calls = Number(telemetry.calls - (last?.calls ?? 0n));
  const cycles = Number(telemetry.cycles - (last?.cycles ?? 0n));
  const seconds = last ? Number(telemetry.time_ns - last.time_ns) / 1e9 : 0;
  const mean = calls > 0 ? [cycles / calls] : [];
  return {
    telemetry,
    module,
    calls,
    cycles,
    seconds,
    history: [...(before?.history ?? []), ...mean].slice(-HISTORY),
  };
};

export type Reading = {
  readonly board: BoardInfo;
  readonly telemetry: readonly Telemetry[];
  readonly modules: readonly ModuleInfo[];
  readonly health: Readonly<LinkHealth>;
};

/** The two lists are read one after the other, so a module may be missing in one of them. */
export const advance = (state: MonitorState, reading: Reading): MonitorState => ({
  board: reading.board,
  health: { ...reading.health },
  down: undefined,
  rows: reading.telemetry.map((telemetry) =>
    rowOf(
      telemetry,
      reading.modules.find((module) => module.name === telemetry.name),
      state.rows.find((row) => row.telemetry.name === telemetry.name),
    ),
  ),
});

export const disconnected = (state: MonitorState, why: string): MonitorState => ({ ...state, down: why });

export const callsPerSecond = (row: ModuleRow): number => (row.seconds > 0 ? row.calls / row.seconds : 0);
export const cyclesPerCall = (row: ModuleRow): number => (row.calls > 0 ? row.cycles / row.calls : 0);
