/** The terminal view: a state becomes text. Pure. */
import { count, histogramText, percent, slowest, table } from './columns.ts';
import type { CoreRow } from './cores.ts';
import { cursor, footer, type Screen } from './keys.ts';
import { callsPerSecond, cyclesPerCall, type ModuleRow, type MonitorState } from './state.ts';

const headline = ({ board, health, down }: MonitorState): string => {
  if (!board) return down ? `waiting for the board: ${down}` : 'waiting for the board';
  const line = health
    ? `  link ${health.received} ok, ${health.resent} resent, ${health.damaged} damaged`
    : '';
  const state = down ? `  DISCONNECTED: ${down}` : line;
  return `${board.board}  velocity ${board.version} ${board.build.slice(0, 12)}  ${board.cores} cores${state}`;
};

const perSecond = (rate: number | undefined) => (rate === undefined ? '?' : count(Math.round(rate)));

const coreText = (core: CoreRow) => {
  const stack = core.stack === undefined ? '' : ` stack ${percent(core.stack)}`;
  return `${core.name} ${perSecond(core.ticksPerSecond)} ticks/s ${perSecond(core.wakeupsPerSecond)} wake-ups/s${stack}`;
};

/** Two cores a line where they fit. */
const coreLines = (cores: readonly CoreRow[], width: number): string[] => {
  const texts = cores.map(coreText);
  const column = Math.max(...texts.map((text) => text.length), 0) + 4;
  const perLine = Math.max(1, Math.floor((width + 4) / column));
  return texts
    .filter((_, i) => i % perLine === 0)
    .map((_, line) =>
      texts
        .slice(line * perLine, (line + 1) * perLine)
        .map((text) => text.padEnd(column))
        .join('')
        .trimEnd(),
    );
};

const cut = (line: string, width: number) => {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, width - 1).join('')}…`;
};

export const shownRows = (state: MonitorState, filter: string): readonly ModuleRow[] =>
  state.rows.filter((row) => row.telemetry.name.includes(filter));

const moduleLines = (state: MonitorState, width: number, screen: Screen | undefined): string[] => {
  const rows = shownRows(state, screen?.filter ?? '');
  if (state.rows.length === 0) return state.board ? ['no module is installed'] : [];
  if (rows.length === 0) return [`no module's name contains “${screen?.filter}”`];
  if (!screen) return table(rows, state, width);
  const selected = cursor(
    screen,
    rows.map((row) => row.telemetry.name),
  );
  const [title, ...lines] = table(rows, state, width - 2);
  const marked = lines.map((line, i) => `${rows[i]?.telemetry.name === selected ? '▸' : ' '} ${line}`);
  return [`  ${title}`, ...marked];
};

/** Lines of the whole view, none wider than `width` characters; with keys where a `screen` is given. */
export const render = (state: MonitorState, width: number, screen?: Screen): string[] =>
  [
    headline(state),
    ...coreLines(state.cores, width),
    ...moduleLines(state, width, screen),
    ...(screen ? [footer(screen)] : []),
  ].map((line) => cut(line, width));

/** One line for a log: what a module did in the latest interval. */
export const renderPlain = (row: ModuleRow): string => {
  const { name, version, calls, min, max } = row.telemetry;
  return [
    `${name} v${version}`,
    `calls ${calls} (${Math.round(callsPerSecond(row))}/s)`,
    `cycles/call ${cyclesPerCall(row).toFixed(1)} (${min}..${max}, p99 ≤ ${slowest(row, 0.99)})`,
    histogramText(row),
  ]
    .join('  ')
    .trimEnd();
};
