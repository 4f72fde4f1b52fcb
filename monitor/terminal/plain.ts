/** A module as one line of a log. */
import { callsPerSecond, cyclesPerCall, type ModuleRow } from '../state.ts';
import { histogramText, slowest } from './columns.ts';

/** What it did in the latest interval. */
export const renderPlain = (row: ModuleRow): string => {
  const { name, version, calls, min, max } = row.telemetry;
  const mean = row.calls > 0 ? cyclesPerCall(row).toFixed(1) : '–';
  return [
    `${name} v${version}`,
    `calls ${calls} (${Math.round(callsPerSecond(row))}/s)`,
    `cycles/call ${mean} (${min}..${max}, p99 ≤ ${slowest(row, 0.99)})`,
    histogramText(row),
  ]
    .join('  ')
    .trimEnd();
};
