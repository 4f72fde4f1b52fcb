/** The terminal view: what is known of boards becomes lines. */
import { emptyState, type ModuleRow, type MonitorState } from '../state.ts';
import { type Boards, coreLines, headline, overview } from './board.ts';
import { table } from './columns.ts';
import { chosen, cursor, footer, help, type Screen, type Zoom } from './keys.ts';
import type { Scrollback } from './scrollback.ts';
import { around, type Line, line, textOf, visible } from './styled.ts';

/** Of the terminal, in cells. */
export type Size = { readonly columns: number; readonly rows: number };

/** All that the view shows. */
export type Shown = {
  readonly boards: Boards;
  readonly screen: Screen;
  readonly console: Scrollback;
  readonly size: Size;
  /** What is going on besides, in a few words. */
  readonly progress?: string;
  /** Whether there are keys to press. */
  readonly keyboard?: boolean;
};

export const shownRows = (state: MonitorState, filter: string): readonly ModuleRow[] =>
  state.rows.filter((row) => row.telemetry.name.includes(filter));

/** Board, cores and modules as they are copied, and left behind when the view ends. */
export const boardText = (state: MonitorState, columns: number): string => {
  const { rows } = state;
  const modules = rows.length > 0 ? table(rows, state, columns) : [];
  return [...headline(state, columns), ...coreLines(state.cores, columns), ...modules]
    .map((each) => visible(textOf(each)).trimEnd())
    .join('\n');
};

const marked = ({ spans }: Line, isChosen: boolean): Line => ({
  spans: [{ text: isChosen ? '▸ ' : '  ', style: 'plain' }, ...spans],
  chosen: isChosen,
});

const moduleLines = (state: MonitorState, width: number, room: number, screen: Screen): readonly Line[] => {
  const rows = shownRows(state, screen.filter);
  if (state.rows.length === 0) return state.board ? [line('no module is installed', 'faint')] : [];
  if (rows.length === 0) return [line(`no module's name contains “${screen.filter}”`, 'warning')];
  const names = rows.map((row) => row.telemetry.name);
  const at = names.indexOf(cursor(screen, names) ?? '');
  const [title, ...lines] = table(rows, state, width - 2);
  return [
    marked(title!, false),
    ...around(
      lines.map((each, i) => marked(each, i === at)),
      at,
      room - 1,
    ),
  ];
};

/** Lines of the table and of the console. */
type Shares = { readonly table: number; readonly console: number };

const LEAST_TABLE = 3;
const LEAST_CONSOLE = 3;

const shares = (room: number, table: number, console: number, zoom: Zoom): Shares => {
  if (zoom === 'modules' || console === 0) return { table: room, console: 0 };
  if (zoom === 'console') return { table: 0, console: room };
  const wanted = Math.min(console + 1, Math.max(LEAST_CONSOLE, Math.floor(room / 3)));
  const given = Math.min(table, Math.max(LEAST_TABLE, room - wanted), room);
  return { table: given, console: room - given };
};

/** Number of the console's line that comes after the last one shown. */
export const consoleEnd = (screen: Screen, console: Scrollback): number => screen.heldAt ?? console.end;

const rule = (text: string, width: number): Line => line(`─ ${text} `.padEnd(width, '─'), 'faint');

const consoleLines = ({ console, screen, size }: Shown, room: number): Line[] => {
  if (room < 2) return [];
  const end = consoleEnd(screen, console);
  const below = console.end - end;
  const title = below > 0 ? `console ─ ${below} more below, End shows them` : 'console';
  return [rule(title, size.columns), ...console.rows(end, size.columns, room - 1)];
};

const above = ({ boards, size }: Shown, port: string | undefined, state: MonitorState): Line[] => {
  const most = Math.max(3, Math.floor(size.rows / 3));
  const several =
    boards.size > 1
      ? [...around(overview(boards, port), [...boards.keys()].indexOf(port ?? ''), most), line('')]
      : [];
  const all = [...several, ...headline(state, size.columns), ...coreLines(state.cores, size.columns)];
  return all.slice(0, Math.max(1, size.rows - 1 - LEAST_TABLE)).slice(0, size.rows - 1);
};

/** How the lines below what is said of the board are shared: what scrolling needs to know, too. */
export const layout = (shown: Shown) => {
  const { boards, screen, size, console } = shown;
  const port = chosen(screen, [...boards.keys()]);
  const state = boards.get(port ?? '') ?? emptyState;
  const top = above(shown, port, state);
  const room = Math.max(0, size.rows - top.length - 1);
  const wanted = state.board ? shownRows(state, screen.filter).length + 1 : 0;
  const text = console.rows(console.end, size.columns, room).length;
  return { top, state, ...shares(room, wanted, text, screen.zoom) };
};

/** As many lines as the terminal has, the keys below. */
export const compose = (shown: Shown): Line[] => {
  const { screen, size, boards } = shown;
  const last = footer(screen, {
    several: boards.size > 1,
    width: size.columns,
    keyboard: shown.keyboard ?? true,
    progress: shown.progress ?? '',
  });
  if (screen.help) return [...help(size), last];
  const { top, state, ...room } = layout(shown);
  const modules = moduleLines(state, size.columns, room.table, screen).slice(0, room.table);
  const lines = [...top, ...modules];
  const text = consoleLines(shown, room.console);
  const gap = size.rows - 1 - lines.length - text.length;
  return [...lines, ...Array.from({ length: Math.max(0, gap) }, () => line('')), ...text, last];
};
