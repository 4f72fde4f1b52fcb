/** What the web page is told of a reading: small, and only numbers that JavaScript holds. */
import { percentile } from '../sparkline.ts';
import {
  budgetShare,
  callsPerSecond,
  cyclesPerCall,
  type ModuleRow,
  type MonitorState,
  mishapsOf,
} from '../state.ts';

/** The largest bin that is in use bounds how far an interval's slowest call can lie. */
const within = (row: ModuleRow, share: number) =>
  Math.min(percentile(row.histogram, share), Number(row.telemetry.max));

const modulePoint = (row: ModuleRow, state: MonitorState) => ({
  name: row.telemetry.name,
  hook: row.module?.hook ?? '',
  version: row.telemetry.version,
  state: row.module?.state ?? '',
  sha: Buffer.from(row.module?.sha ?? []).toString('hex'),
  proof: row.module?.proof ?? 0,
  calls: Number(row.telemetry.calls),
  perSecond: row.seconds > 0 ? callsPerSecond(row) : null,
  mean: cyclesPerCall(row),
  p50: within(row, 0.5),
  p99: within(row, 0.99),
  min: Number(row.telemetry.min),
  max: Number(row.telemetry.max),
  budget: budgetShare(row) ?? null,
  ...mishapsOf(state, row.telemetry.name),
  histogram: row.histogram,
});

export const pointOf = (state: MonitorState) => ({
  t: state.time_ms,
  board: state.board && {
    name: state.board.board,
    version: state.board.version,
    build: state.board.build,
    cores: state.board.cores,
  },
  modules: state.rows.map((row) => modulePoint(row, state)),
  cores: state.cores,
  health: state.health,
});

export type Point = ReturnType<typeof pointOf>;
