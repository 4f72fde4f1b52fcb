/** What a monitor knows of a board, and how an entry changes it. Pure: entries in, state out. */
import { hooks } from '../abi/index.ts';
import type { BoardEvent, BoardInfo, LinkHealth, ModuleInfo, Telemetry } from '../link/index.ts';
import { type CoreRow, coreRows } from './cores.ts';
import type { Entry, Pace, Reading } from './entry.ts';

/** One module, as of the latest reading. */
export type ModuleRow = {
  readonly telemetry: Telemetry;
  readonly module: ModuleInfo | undefined;
  /** Calls and cycles since the reading before, or since the start of this version at the first one. */
  readonly calls: number;
  readonly cycles: number;
  /** Calls of that interval by log2 of their cycles. */
  readonly histogram: readonly number[];
  /** Board time that this took, in seconds; 0 at the first reading. */
  readonly seconds: number;
  /** Mean cycles per call of each interval, oldest first. */
  readonly history: readonly number[];
};

/** What was thrown out of a module's slot since the monitor began or the board started. */
export type Mishaps = { readonly faults: number; readonly rollbacks: number };

export type MonitorState = {
  readonly board: BoardInfo | undefined;
  readonly rows: readonly ModuleRow[];
  readonly cores: readonly CoreRow[];
  /** Board time of what `cores` says, in ns, where it is known. */
  readonly cores_ns: bigint | undefined;
  readonly stats: Readonly<Record<string, number | bigint>>;
  readonly health: Readonly<LinkHealth> | undefined;
  readonly pace: Pace | undefined;
  /** By module name. */
  readonly mishaps: Readonly<Record<string, Mishaps>>;
  /** Events by kind, since the monitor began. */
  readonly events: Readonly<Record<string, number>>;
  /** Host time of the latest reading; 0 before the first one. */
  readonly time_ms: number;
  /** Why there is no connection just now; undefined while there is one. */
  readonly down: string | undefined;
};

export const emptyState: MonitorState = {
  board: undefined,
  rows: [],
  cores: [],
  cores_ns: undefined,
  stats: {},
  health: undefined,
  pace: undefined,
  mishaps: {},
  events: {},
  time_ms: 0,
  down: undefined,
};

const HISTORY = 32;

/** Counters begin anew with a version, which begin anew with a module, and after a reset of the board. */
const continues = (before: ModuleRow | undefined, now: Telemetry, module: ModuleInfo | undefined) =>
  before?.telemetry.version === now.version &&
  before.telemetry.calls <= now.calls &&
  (!before.module || !module || before.module.id === module.id);

const since = (now: readonly number[], before: readonly number[] | undefined) =>
  before ? now.map((count, bin) => Math.max(0, count - (before[bin] ?? 0))) : now;

const rowOf = (telemetry: Telemetry, module: ModuleInfo | undefined, before?: ModuleRow): ModuleRow => {
  const last = continues(before, telemetry, module) ? before?.telemetry : undefined;
  const calls = Number(telemetry.calls - (last?.calls ?? 0n));
  const cycles = Number(telemetry.cycles - (last?.cycles ?? 0n));
  const seconds = last ? Number(telemetry.time_ns - last.time_ns) / 1e9 : 0;
  const mean = calls > 0 ? [cycles / calls] : [];
  return {
    telemetry,
    module,
    calls,
    cycles,
    histogram: since(telemetry.histogram, last?.histogram),
    seconds,
    history: [...(before?.history ?? []), ...mean].slice(-HISTORY),
  };
};

const sameBoot = (before: BoardInfo | undefined, now: BoardInfo) =>
  before !== undefined && Buffer.compare(before.boot, now.boot) === 0;

/** What is read now and then stays as it was in between. */
const coresAfter = (last: MonitorState, reading: Reading): Pick<MonitorState, 'cores' | 'cores_ns'> => {
  if (Object.keys(reading.cores).length === 0) return last;
  const [from, to] = [last.cores_ns, reading.telemetry[0]?.time_ns ?? reading.time_ns];
  const seconds = from !== undefined && to !== undefined && to > from ? Number(to - from) / 1e9 : 0;
  return { cores: coreRows(reading.cores, last.cores, seconds), cores_ns: to };
};

/** The two lists are read one after the other, so a module may be missing in one of them. */
export const advance = (before: MonitorState, reading: Reading, time_ms = 0): MonitorState => {
  const goesOn = sameBoot(before.board, reading.board);
  const last = goesOn
    ? before
    : { ...before, rows: [], cores: [], cores_ns: undefined, mishaps: before.board ? {} : before.mishaps };
  const { cores, cores_ns } = coresAfter(last, reading);
  return {
    board: reading.board,
    health: { ...reading.health },
    pace: reading.pace,
    stats: Object.keys(reading.stats).length > 0 ? reading.stats : last.stats,
    mishaps: last.mishaps,
    events: before.events,
    time_ms,
    down: undefined,
    cores,
    cores_ns,
    rows: reading.telemetry.map((telemetry) =>
      rowOf(
        telemetry,
        reading.modules.find((module) => module.name === telemetry.name),
        last.rows.find((row) => row.telemetry.name === telemetry.name),
      ),
    ),
  };
};

const noMishaps: Mishaps = { faults: 0, rollbacks: 0 };

/** Of a module, which may be called as anything that objects have, `constructor` say. */
export const mishapsOf = ({ mishaps }: Pick<MonitorState, 'mishaps'>, name: string): Mishaps =>
  Object.hasOwn(mishaps, name) ? mishaps[name]! : noMishaps;

const happened = (state: MonitorState, { kind, name }: BoardEvent): MonitorState => {
  const { faults, rollbacks } = mishapsOf(state, name);
  const mishaps = {
    faults: faults + (kind === 'fault' ? 1 : 0),
    rollbacks: rollbacks + (kind === 'rolled_back' ? 1 : 0),
  };
  return {
    ...state,
    events: { ...state.events, [kind]: (state.events[kind] ?? 0) + 1 },
    mishaps:
      kind === 'fault' || kind === 'rolled_back' ? { ...state.mishaps, [name]: mishaps } : state.mishaps,
  };
};

export const disconnected = (state: MonitorState, why: string): MonitorState => ({ ...state, down: why });

/** Console text changes nothing. */
export const take = (state: MonitorState, entry: Entry): MonitorState => {
  if (entry.kind === 'reading') return advance(state, entry.reading, entry.time_ms);
  if (entry.kind === 'event') return happened(state, entry.event);
  return entry.kind === 'down' ? disconnected(state, entry.why) : state;
};

export const callsPerSecond = (row: ModuleRow): number => (row.seconds > 0 ? row.calls / row.seconds : 0);
export const cyclesPerCall = (row: ModuleRow): number => (row.calls > 0 ? row.cycles / row.calls : 0);

/** Proven worst case as a share of what the hook allows; undefined when either is not known. */
export const budgetShare = ({ module }: ModuleRow): number | undefined => {
  const hook = Object.entries(hooks).find(([name]) => name === module?.hook)?.[1];
  return module && hook ? Number(module.bound) / hook.budget : undefined;
};
