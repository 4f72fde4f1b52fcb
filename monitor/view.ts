/** The terminal view: a state becomes text. Pure. */
import { occupied, percentile, sparkline } from './sparkline.ts';
import { callsPerSecond, cyclesPerCall, type ModuleRow, type MonitorState } from './state.ts';

const count = (value: number | bigint): string => {
  const number = Number(value);
  if (number < 10_000) return Number.isInteger(number) ? String(number) : number.toFixed(1);
  const units = ['k', 'M', 'G', 'T', 'P', 'E'];
  const power = Math.min(Math.floor(Math.log10(number) / 3), units.length);
  return `${(number / 1000 ** power).toFixed(1)}${units[power - 1]}`;
};

const histogramText = (row: ModuleRow) => {
  const { first, bins } = occupied(row.telemetry.histogram);
  return bins.length === 0 ? '' : `2^${first} ${sparkline(bins)}`;
};

/** The bin's upper edge may lie above the slowest call. */
const p99Text = ({ telemetry }: ModuleRow) =>
  count(Math.min(percentile(telemetry.histogram, 0.99), Number(telemetry.max)));

type Column = {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: ModuleRow) => string;
};

const columns: readonly Column[] = [
  { title: 'MODULE', align: 'left', cell: (row) => row.telemetry.name },
  { title: 'HOOK', align: 'left', cell: (row) => row.module?.hook ?? '?' },
  { title: 'VER', align: 'right', cell: (row) => String(row.telemetry.version) },
  { title: 'STATE', align: 'left', cell: (row) => row.module?.state ?? '?' },
  { title: 'CALLS', align: 'right', cell: (row) => count(row.telemetry.calls) },
  { title: 'CALLS/S', align: 'right', cell: (row) => count(Math.round(callsPerSecond(row))) },
  { title: 'CYC/CALL', align: 'right', cell: (row) => count(cyclesPerCall(row)) },
  { title: 'MIN', align: 'right', cell: (row) => count(row.telemetry.min) },
  { title: 'P99 ≤', align: 'right', cell: p99Text },
  { title: 'MAX', align: 'right', cell: (row) => count(row.telemetry.max) },
  { title: 'HISTOGRAM', align: 'left', cell: histogramText },
  { title: 'MEAN OVER TIME', align: 'left', cell: (row) => sparkline(row.history) },
];

const pad = (text: string, width: number, align: 'left' | 'right') =>
  align === 'left' ? text.padEnd(width) : text.padStart(width);

const table = (rows: readonly ModuleRow[]): string[] => {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((c) => c.cell(row)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => [...line[i]!].length)));
  return cells.map((line) =>
    line
      .map((cell, i) => pad(cell, widths[i]!, columns[i]!.align))
      .join('  ')
      .trimEnd(),
  );
};

const headline = ({ board, health, down }: MonitorState): string => {
  if (!board) return down ? `waiting for the board: ${down}` : 'waiting for the board';
  const line = health
    ? `  link ${health.received} ok, ${health.resent} resent, ${health.damaged} damaged`
    : '';
  const state = down ? `  DISCONNECTED: ${down}` : line;
  return `${board.board}  velocity ${board.version} ${board.build.slice(0, 12)}  ${board.cores} cores${state}`;
};

const cut = (line: string, width: number) => {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, width - 1).join('')}…`;
};

/** Lines of the whole view, none wider than `width` characters. */
export const render = (state: MonitorState, width: number): string[] =>
  [
    headline(state),
    ...(state.rows.length > 0 ? table(state.rows) : state.board ? ['no module is installed'] : []),
  ].map((line) => cut(line, width));

/** One line for a log: what a module did in the latest interval. */
export const renderPlain = (row: ModuleRow): string => {
  const { name, version, calls, min, max } = row.telemetry;
  return [
    `${name} v${version}`,
    `calls ${calls} (${Math.round(callsPerSecond(row))}/s)`,
    `cycles/call ${cyclesPerCall(row).toFixed(1)} (${min}..${max})`,
    histogramText(row),
  ]
    .join('  ')
    .trimEnd();
};
