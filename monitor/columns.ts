/** The module table of the terminal view: its columns, and how they fit a width. */
import { occupied, percentile, sparkline } from './sparkline.ts';
import {
  budgetShare,
  callsPerSecond,
  cyclesPerCall,
  type ModuleRow,
  type MonitorState,
  noMishaps,
} from './state.ts';

/** At most six characters. */
export const count = (value: number | bigint): string => {
  const number = Number(value);
  if (number < 10_000) return Number.isInteger(number) ? String(number) : number.toFixed(1);
  const units = ['k', 'M', 'G', 'T', 'P', 'E'];
  const power = Math.min(Math.floor(Math.log10(number) / 3), units.length);
  return `${(number / 1000 ** power).toFixed(1)}${units[power - 1]}`;
};

export const percent = (share: number | undefined): string => {
  if (share === undefined) return '?';
  return share > 0 && share < 0.001 ? '<0.1%' : `${(share * 100).toFixed(1)}%`;
};

export const histogramText = (row: ModuleRow): string => {
  const { first, bins } = occupied(row.telemetry.histogram);
  return bins.length === 0 ? '' : `2^${first} ${sparkline(bins)}`;
};

/** The bin's upper edge may lie above the slowest call. */
export const slowest = ({ telemetry }: ModuleRow, share: number): number =>
  Math.min(percentile(telemetry.histogram, share), Number(telemetry.max));

type Column = {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** The highest goes first where there is no room; 0 always stays. */
  readonly spare: number;
  readonly cell: (row: ModuleRow, state: MonitorState) => string;
};

const mishapsText = (row: ModuleRow, { mishaps }: MonitorState) => {
  const { faults, rollbacks } = mishaps[row.telemetry.name] ?? noMishaps;
  return faults + rollbacks === 0 ? '0' : `${faults} (${rollbacks} back)`;
};

const columns: readonly Column[] = [
  { title: 'MODULE', align: 'left', spare: 0, cell: (row) => row.telemetry.name },
  { title: 'HOOK', align: 'left', spare: 5, cell: (row) => row.module?.hook ?? '?' },
  { title: 'VER', align: 'right', spare: 0, cell: (row) => String(row.telemetry.version) },
  { title: 'STATE', align: 'left', spare: 3, cell: (row) => row.module?.state ?? '?' },
  { title: 'CALLS', align: 'right', spare: 7, cell: (row) => count(row.telemetry.calls) },
  { title: 'CALLS/S', align: 'right', spare: 0, cell: (row) => count(Math.round(callsPerSecond(row))) },
  { title: 'MEAN', align: 'right', spare: 0, cell: (row) => count(cyclesPerCall(row)) },
  { title: 'MIN', align: 'right', spare: 8, cell: (row) => count(row.telemetry.min) },
  { title: 'P50 ≤', align: 'right', spare: 6, cell: (row) => count(slowest(row, 0.5)) },
  { title: 'P99 ≤', align: 'right', spare: 1, cell: (row) => count(slowest(row, 0.99)) },
  { title: 'MAX', align: 'right', spare: 2, cell: (row) => count(row.telemetry.max) },
  { title: 'BUDGET', align: 'right', spare: 4, cell: (row) => percent(budgetShare(row)) },
  { title: 'FAULTS', align: 'right', spare: 3, cell: mishapsText },
  { title: 'HISTOGRAM', align: 'left', spare: 9, cell: histogramText },
  { title: 'MEAN OVER TIME', align: 'left', spare: 4, cell: (row) => sparkline(row.history) },
];

const pad = (text: string, width: number, align: 'left' | 'right') =>
  align === 'left' ? text.padEnd(width) : text.padStart(width);

type Filled = Column & { readonly cells: readonly string[]; readonly width: number };

const fill = (rows: readonly ModuleRow[], state: MonitorState): Filled[] =>
  columns.map((column) => {
    const cells = [column.title, ...rows.map((row) => column.cell(row, state))];
    return { ...column, cells, width: Math.max(...cells.map((cell) => [...cell].length)) };
  });

const GAP = 2;

const fitting = (filled: readonly Filled[], width: number): readonly Filled[] => {
  const total = filled.reduce((sum, column) => sum + column.width + GAP, -GAP);
  const least = Math.max(...filled.map(({ spare }) => spare));
  if (total <= width || least === 0) return filled;
  return fitting(
    filled.slice().filter(({ spare }) => spare < least),
    width,
  );
};

/** Title line and one line a module; the least needed columns are left out where the width does not hold all. */
export const table = (rows: readonly ModuleRow[], state: MonitorState, width: number): string[] => {
  const shown = fitting(fill(rows, state), width);
  return [undefined, ...rows].map((_, i) =>
    shown
      .map(({ cells, width: cellWidth, align }) => pad(cells[i]!, cellWidth, align))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
};
