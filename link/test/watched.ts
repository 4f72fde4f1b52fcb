/** Handlers of a fake board whose modules are watched: reports, lists of modules, events. */
import { encodeReport, REPORT_BINS, type ReportPlaces } from '../../abi/index.ts';
import type { BoardEvent, ModuleInfo, Telemetry } from '../velocity.ts';
import { type Handlers, Refusal } from './fake-board.ts';

/** A module that nothing special is known of. */
export const plainModule: ModuleInfo = {
  id: 1,
  name: 'fir',
  hook: 'timer',
  version: 1,
  state: 'live',
  insns: 37,
  bound: 273n,
  jit_bytes: 140,
  sha: new Uint8Array(32),
  previous: new Uint8Array(0),
  cores: 1,
  proof: 0,
};

const HISTOGRAM_BINS = 32;

const valuesOf = (row: Telemetry, { id, state }: ModuleInfo): bigint[] => {
  const bins = Array.from({ length: HISTOGRAM_BINS }, (_, bin) => BigInt(row.histogram[bin] ?? 0));
  const revision = BigInt(2 * row.version + (state === 'canary' ? 1 : 0));
  return [BigInt(id), revision, row.cycles, row.min, row.max, row.last_result, ...bins].slice(
    0,
    REPORT_BINS + HISTOGRAM_BINS,
  );
};

/** One module that makes `step` calls from one reading to the next. */
export const growing = (rowAt: (calls: number) => Telemetry, from: number, step: number) => {
  let calls = from;
  return (): readonly Telemetry[] => {
    calls += step;
    return [rowAt(calls)];
  };
};

export type Watched = {
  /** Asked at each report. The number of calls is the sum of the histogram, as on a board. */
  readonly telemetry: () => readonly Telemetry[];
  /** Facts of a module, but for its name, version and number; default: `plainModule`. */
  readonly module?: ModuleInfo;
  readonly events?: readonly BoardEvent[];
};

/** A board that has one report to differ from, the latest: whoever has another one is told everything. */
export const watched = ({ telemetry, module = plainModule, events = [] }: Watched): Handlers => {
  let latest: ReportPlaces = new Map();
  let number = 0;
  let rows: readonly Telemetry[] = [];
  const infoOf = (row: Telemetry, i: number): ModuleInfo => ({
    ...module,
    id: i + 1,
    name: row.name,
    version: row.version,
  });
  return {
    report: ({ since }) => {
      rows = telemetry();
      const base = since === number ? since : 0;
      const now: ReportPlaces = new Map(rows.map((row, i) => [i, valuesOf(row, infoOf(row, i))]));
      const data = encodeReport(base === 0 ? new Map() : latest, now);
      latest = now;
      number += 1;
      const time_ns = rows[0]?.time_ns ?? 0n;
      return { number, base, time_ns, next: 0, event: events.at(-1)?.seq ?? 0n, byte_ns: 0, data };
    },
    module: ({ i }) => {
      const row = rows[i];
      if (!row) throw new Refusal('no_entry');
      return infoOf(row, i);
    },
    event: ({ since }) => {
      const next = events.find(({ seq }) => seq > since);
      if (!next) throw new Refusal('no_entry');
      return next;
    },
  };
};
