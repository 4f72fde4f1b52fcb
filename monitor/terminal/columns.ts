/** The module table of the terminal view: its columns, and how they fit a width. */
import { occupied, percentile, sparkline } from '../sparkline.ts';
import {
  budgetShare,
  callsPerSecond,
  cyclesPerCall,
  type ModuleRow,
  type MonitorState,
  mishapsOf,
} from '../state.ts';
import { type Line, type Span, type Style, span } from './styled.ts';

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
  readonly style?: (row: ModuleRow, state: MonitorState) => Style;
  /** Least width, where it is enough to show the end of a longer cell. */
  readonly least?: number;
};

const mishapsText = (row: ModuleRow, state: MonitorState) => {
  const { faults, rollbacks } = mishapsOf(state, row.telemetry.name);
  return faults + rollbacks === 0 ? '0' : `${faults} (${rollbacks} back)`;
};

/** From this share on, a module's proven worst case is close to what its hook allows. */
const NEARLY_SPENT = 0.9;
const LEAST_TREND = 8;

const mishapsStyle = (row: ModuleRow, { mishaps }: MonitorState): Style =>
  Object.hasOwn(mishaps, row.telemetry.name) ? 'bad' : 'plain';
const stateStyle = ({ module }: ModuleRow): Style => (module?.state === 'canary' ? 'warning' : 'plain');
const budgetStyle = (row: ModuleRow): Style =>
  (budgetShare(row) ?? 0) >= NEARLY_SPENT ? 'warning' : 'plain';

const columns: readonly Column[] = [
  { title: 'MODULE', align: 'left', spare: 0, cell: (row) => row.telemetry.name, style: stateStyle },
  { title: 'HOOK', align: 'left', spare: 7, cell: (row) => row.module?.hook ?? '?' },
  { title: 'VER', align: 'right', spare: 0, cell: (row) => String(row.telemetry.version) },
  { title: 'STATE', align: 'left', spare: 6, cell: (row) => row.module?.state ?? '?', style: stateStyle },
  { title: 'CALLS', align: 'right', spare: 9, cell: (row) => count(row.telemetry.calls) },
  { title: 'CALLS/S', align: 'right', spare: 0, cell: (row) => count(Math.round(callsPerSecond(row))) },
  { title: 'MEAN', align: 'right', spare: 0, cell: (row) => count(cyclesPerCall(row)) },
  { title: 'MIN', align: 'right', spare: 10, cell: (row) => count(row.telemetry.min) },
  { title: 'P50 ≤', align: 'right', spare: 8, cell: (row) => count(slowest(row, 0.5)) },
  { title: 'P99 ≤', align: 'right', spare: 1, cell: (row) => count(slowest(row, 0.99)) },
  { title: 'MAX', align: 'right', spare: 2, cell: (row) => count(row.telemetry.max) },
  { title: 'BUDGET', align: 'right', spare: 4, cell: (row) => percent(budgetShare(row)), style: budgetStyle },
  { title: 'FAULTS', align: 'right', spare: 3, cell: mishapsText, style: mishapsStyle },
  { title: 'HISTOGRAM', align: 'left', spare: 11, cell: histogramText },
  { title: 'TREND', align: 'left', spare: 5, cell: (row) => sparkline(row.history), least: LEAST_TREND },
];

type Cell = { readonly text: string; readonly style: Style };
type Filled = Column & { readonly cells: readonly Cell[]; readonly width: number };

const widthOf = (text: string) => [...text].length;

const fill = (rows: readonly ModuleRow[], state: MonitorState): Filled[] =>
  columns.map((column) => {
    const cells = [
      { text: column.title, style: 'strong' as const },
      ...rows.map((row) => ({ text: column.cell(row, state), style: column.style?.(row, state) ?? 'plain' })),
    ];
    return { ...column, cells, width: Math.max(...cells.map(({ text }) => widthOf(text))) };
  });

const GAP = 2;

const leastWidth = ({ width, least }: Filled) => Math.min(width, least ?? width);
const total = (filled: readonly Filled[], widthOfOne: (column: Filled) => number) =>
  filled.reduce((sum, column) => sum + widthOfOne(column) + GAP, -GAP);

const fitting = (filled: readonly Filled[], width: number): readonly Filled[] => {
  const first = Math.max(...filled.map(({ spare }) => spare));
  if (total(filled, leastWidth) > width && first > 0)
    return fitting(
      filled.filter(({ spare }) => spare < first),
      width,
    );
  const over = Math.max(0, total(filled, (column) => column.width) - width);
  return filled.map((column) =>
    column.least ? { ...column, width: Math.max(leastWidth(column), column.width - over) } : column,
  );
};

const padded = (text: string, { width, align, least }: Filled): string => {
  if (least) return [...text].slice(-width).join('').padEnd(width);
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
};

/** Neighbours of one style become one span: the fewer, the faster it is drawn. */
const joined = (spans: readonly Span[]): Span[] => {
  const all: Span[] = [];
  for (const { text, style } of spans) {
    const last = all.at(-1);
    if (last?.style === style) all[all.length - 1] = span(last.text + text, style);
    else all.push(span(text, style));
  }
  return all;
};

/** Title and one line a module; the least needed columns are left out where the width does not hold all. */
export const table = (rows: readonly ModuleRow[], state: MonitorState, width: number): Line[] => {
  const shown = fitting(fill(rows, state), width);
  return [undefined, ...rows].map((_, i) => ({
    spans: joined(
      shown.map((column, j) => {
        const { text, style } = column.cells[i]!;
        return span((j === 0 ? '' : ' '.repeat(GAP)) + padded(text, column), style);
      }),
    ),
  }));
};
