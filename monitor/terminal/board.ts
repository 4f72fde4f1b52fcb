/** What the view says of a board as a whole: its name, its line, its cores; one line of each where there are several. */
import type { CoreRow } from '../cores.ts';
import { budgetShare, callsPerSecond, type MonitorState } from '../state.ts';
import { count, percent } from './columns.ts';
import { flow, type Line, line, type Span, type Style, span } from './styled.ts';

const paceParts = ({ pace }: MonitorState): Span[] => {
  if (!pace || pace.period_ms === 0) return [];
  const share = span(`readings ${percent(pace.line_ms / pace.period_ms)} of the line`);
  if (pace.slowed === 0) return [share];
  return [share, span(`every ${Math.round(pace.period_ms)} ms for lack of room`, 'warning')];
};

const linkParts = (shown: MonitorState): Span[] => {
  const { health, down } = shown;
  if (down) return [span(`DISCONNECTED: ${down}`, 'bad')];
  if (!health) return [];
  const style: Style = health.damaged > 0 ? 'warning' : 'plain';
  const text = `link ${health.received} ok, ${health.resent} resent, ${health.damaged} damaged`;
  return [span(text, style), ...paceParts(shown)];
};

/** Over several lines where the terminal is narrow. */
export const headline = (shown: MonitorState, width: number): Line[] => {
  const { board, down } = shown;
  if (!board) {
    const why = down ? [span(`waiting for the board: ${down}`, 'warning')] : [span('waiting for the board')];
    return flow(why, width);
  }
  const parts = [
    span(board.board, 'strong'),
    span(`velocity ${board.version} ${board.build.slice(0, 12)}`),
    span(`${board.cores} cores`),
    ...linkParts(shown),
  ];
  return flow(parts, width);
};

const perSecond = (rate: number | undefined) => (rate === undefined ? '?' : count(Math.round(rate)));

const coreText = (core: CoreRow) => {
  const stack = core.stack === undefined ? '' : ` stack ${percent(core.stack)}`;
  return `${core.name} ${perSecond(core.ticksPerSecond)} ticks/s ${perSecond(core.wakeupsPerSecond)} wake-ups/s${stack}`;
};

/** Several cores a line where they fit. */
export const coreLines = (cores: readonly CoreRow[], width: number): Line[] => {
  const texts = cores.map(coreText);
  const column = Math.max(...texts.map((text) => text.length), 0) + 4;
  const perLine = Math.floor((width + 4) / column);
  if (perLine < 2) return texts.flatMap((text) => flow([span(text)], width));
  return texts
    .filter((_, i) => i % perLine === 0)
    .map((_, row) =>
      line(
        texts
          .slice(row * perLine, (row + 1) * perLine)
          .map((text) => text.padEnd(column))
          .join('')
          .trimEnd(),
      ),
    );
};

const plural = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;

const summary = ({ board, rows, mishaps, health, down }: MonitorState): Span[] => {
  const model = board ? `${board.board}  ` : '';
  if (down) return [span(model), span(`AWAY: ${down}`, 'bad')];
  if (!board) return [span('waiting for the board')];
  const calls = rows.reduce((sum, row) => sum + callsPerSecond(row), 0);
  const worst = Math.max(0, ...rows.map((row) => budgetShare(row) ?? 0));
  const [faults, back] = (['faults', 'rollbacks'] as const).map((what) =>
    Object.values(mishaps).reduce((sum, each) => sum + each[what], 0),
  ) as [number, number];
  const well = [
    `${model}${plural(rows.length, 'module', 'modules')}`,
    `${count(Math.round(calls))} calls/s`,
    ...(worst > 0 ? [`at most ${percent(worst)} of a budget`] : []),
  ].join(', ');
  const damaged = health?.damaged ?? 0;
  return [
    span(well),
    ...(faults ? [span(`, ${plural(faults, 'fault', 'faults')}`, 'bad')] : []),
    ...(back ? [span(`, ${back} taken back`, 'bad')] : []),
    ...(damaged ? [span(`, ${plural(damaged, 'message', 'messages')} damaged`, 'warning')] : []),
  ];
};

/** What a monitor knows, by the port of each board. */
export type Boards = ReadonlyMap<string, MonitorState>;

/** Each of several boards at a glance. */
export const overview = (boards: Boards, shown: string | undefined): Line[] => {
  const column = Math.max(...[...boards.keys()].map((port) => [...port].length));
  return [...boards].map(([port, state], i) => ({
    chosen: port === shown,
    spans: [
      span(
        `${port === shown ? '▸' : ' '} ${i + 1} ${port.padEnd(column)}  `,
        port === shown ? 'strong' : 'plain',
      ),
      ...summary(state),
    ],
  }));
};
