/** The terminal view: a state becomes text. Pure. */
import { count, histogramText, percent, slowest, table } from './columns.ts';
import type { CoreRow } from './cores.ts';
import { chosen, cursor, footer, type Screen } from './keys.ts';
import {
  budgetShare,
  callsPerSecond,
  cyclesPerCall,
  emptyState,
  type ModuleRow,
  type MonitorState,
} from './state.ts';

/** Of the terminal, in characters and lines. */
export type Size = { readonly columns: number; readonly rows: number };

const paceText = ({ pace }: MonitorState): string => {
  if (!pace || pace.period_ms === 0) return '';
  const put = pace.slowed > 0 ? `, every ${Math.round(pace.period_ms)} ms for lack of room` : '';
  return `, readings ${percent(pace.line_ms / pace.period_ms)} of the line${put}`;
};

const headline = (shown: MonitorState): string => {
  const { board, health, down } = shown;
  if (!board) return down ? `waiting for the board: ${down}` : 'waiting for the board';
  const line = health
    ? `  link ${health.received} ok, ${health.resent} resent, ${health.damaged} damaged${paceText(shown)}`
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

const moduleLines = (
  state: MonitorState,
  { columns: width }: Size,
  room: number,
  screen: Screen | undefined,
): string[] => {
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
  const at = rows.findIndex((row) => row.telemetry.name === selected);
  return [`  ${title}`, ...around(marked, at, room - 1)];
};

/** As many of the lines as there is room for, the one at `at` among them, and how many are left out. */
const around = (lines: readonly string[], at: number, room: number): readonly string[] => {
  const most = Math.max(1, room - 1);
  if (lines.length <= room) return lines;
  const from = Math.max(0, Math.min(at - Math.floor(most / 2), lines.length - most));
  return [...lines.slice(from, from + most), `  … and ${lines.length - most} more`];
};

/** One board of several at a glance. */
const summary = ({ board, rows, mishaps, health, down }: MonitorState): string => {
  const model = board ? `${board.board}  ` : '';
  if (down || !board) return `${model}${down ? `AWAY: ${down}` : 'waiting for the board'}`;
  const calls = rows.reduce((sum, row) => sum + callsPerSecond(row), 0);
  const worst = Math.max(0, ...rows.map((row) => budgetShare(row) ?? 0));
  const [faults, back] = (['faults', 'rollbacks'] as const).map((what) =>
    Object.values(mishaps).reduce((sum, each) => sum + each[what], 0),
  );
  return [
    `${model}${rows.length} ${rows.length === 1 ? 'module' : 'modules'}`,
    `${count(Math.round(calls))} calls/s`,
    ...(worst > 0 ? [`at most ${percent(worst)} of a budget`] : []),
    ...(faults ? [`${faults} ${faults === 1 ? 'fault' : 'faults'}`] : []),
    ...(back ? [`${back} taken back`] : []),
    ...(health && health.damaged > 0 ? [`${health.damaged} messages damaged`] : []),
  ].join(', ');
};

/** What a monitor knows, by the port of each board. */
export type Boards = ReadonlyMap<string, MonitorState>;

const overview = (boards: Boards, shown: string | undefined): string[] => {
  const column = Math.max(...[...boards.keys()].map((port) => [...port].length));
  return [...boards].map(
    ([port, state], i) => `${port === shown ? '▸' : ' '} ${i + 1} ${port.padEnd(column)}  ${summary(state)}`,
  );
};

/**
 * Lines of the whole view, none wider than the screen; with keys, and no more than fit, where a `screen` is given. Of several
 * boards each has a line, and one of them the rest.
 */
export const render = (boards: Boards, size: Size, screen?: Screen): string[] => {
  const shown = screen ? chosen(screen, [...boards.keys()]) : [...boards.keys()][0];
  const state = boards.get(shown ?? '') ?? emptyState;
  const above = [
    ...(boards.size > 1 ? [...overview(boards, shown), ''] : []),
    headline(state),
    ...coreLines(state.cores, size.columns),
  ];
  const below = screen ? [footer(screen, boards.size > 1)] : [];
  const room = size.rows - above.length - below.length;
  return [...above, ...moduleLines(state, size, room, screen), ...below].map((line) =>
    cut(line, size.columns),
  );
};

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
