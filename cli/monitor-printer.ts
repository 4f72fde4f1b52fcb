/** How a monitor's findings are shown: redrawn on a terminal, as lines elsewhere, as JSON for programs. */
import { statusOf } from '../abi/index.ts';
import type { BoardEvent } from '../link/index.ts';
import {
  cyclesPerCall,
  type Entry,
  emptyScreen,
  emptyState,
  type ModuleRow,
  type MonitorState,
  render,
  renderPlain,
  type Screen,
  shownRows,
  take,
} from '../monitor/index.ts';
import type { Output } from './output.ts';

/** What the keyboard changes. */
export type LiveScreen = {
  readonly now: Screen;
  /** Modules shown, from top to bottom. */
  readonly names: readonly string[];
  change(how: (screen: Screen) => Screen): void;
};

export type MonitorPrinter = {
  take(entry: Entry): void;
  /** Only where a person watches a terminal. */
  readonly screen?: LiveScreen;
};

type Lines = {
  update(state: MonitorState): void;
  event(event: BoardEvent): void;
  console(line: string): void;
};

/** One line for people. */
export const describeEvent = (event: BoardEvent): string => {
  if (event.kind === 'log') return `[${event.name}] ${event.text}`;
  const compared =
    event.before > 0n && event.after > 0n ? `, ${event.before} → ${event.after} cycles per call` : '';
  const reason = event.reason === 0 ? '' : `: ${statusOf(event.reason).name}`;
  return `* ${event.name} v${event.version} ${event.kind}${reason}${compared}`;
};

/** Tells when the connection comes and goes, once each. */
const connectionChange = () => {
  let up = false;
  return (state: MonitorState): 'connected' | 'disconnected' | undefined => {
    if (up === !state.down) return state.down ? 'disconnected' : undefined; // each failed attempt has its reason
    up = !state.down;
    return up ? 'connected' : 'disconnected';
  };
};

const jsonRow = (row: ModuleRow, output: Output) => {
  const { name, ...telemetry } = row.telemetry;
  const rates = { interval_calls: row.calls, cycles_per_call: cyclesPerCall(row) };
  output.fact({ event: 'telemetry', module: name, hook: row.module?.hook, ...telemetry, ...rates }, '');
};

const jsonPrinter = (output: Output): Lines => {
  const changeOf = connectionChange();
  return {
    update: (state) => {
      const change = changeOf(state);
      if (change === 'connected') output.fact({ event: 'connected', ...state.board }, '');
      if (change === 'disconnected') output.fact({ event: 'disconnected', reason: state.down }, '');
      if (!state.down) for (const row of state.rows) jsonRow(row, output);
    },
    event: ({ kind, name, reason, ...rest }) =>
      output.fact({ event: 'board', kind, module: name, reason: statusOf(reason).name, ...rest }, ''),
    console: (text) => output.fact({ event: 'console', text }, ''),
  };
};

const plainPrinter = (output: Output): Lines => {
  const changeOf = connectionChange();
  return {
    update: (state) => {
      const change = changeOf(state);
      if (change === 'connected') output.print(`connected: ${state.board?.board}`);
      if (change === 'disconnected') output.print(`disconnected: ${state.down}`);
      if (!state.down) for (const row of state.rows) output.print(renderPlain(row));
    },
    event: (event) => output.print(describeEvent(event)),
    console: (line) => output.print(line),
  };
};

/** Gives every entry its way of being shown, and keeps the state. */
const printing = (lines: Lines): MonitorPrinter => {
  let state = emptyState;
  return {
    take: (entry) => {
      state = take(state, entry);
      if (entry.kind === 'event') lines.event(entry.event);
      else if (entry.kind === 'console') lines.console(entry.line);
      else lines.update(state);
    },
  };
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const visible = (line: string) => line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '�');

/** Text scrolls above the table, which is drawn anew below it. Control characters of the board are made visible. */
const livePrinter = (output: Output): MonitorPrinter => {
  let shown: readonly string[] = [];
  let screen = emptyScreen;
  let state = emptyState;
  let frozen = emptyState;
  const draw = (above = '') => {
    const erase = shown.length > 0 ? `\x1b[${shown.length}A\x1b[J` : '';
    if (!screen.paused) frozen = state;
    shown = render(frozen, output.columns, screen).map(visible);
    output.raw(`${erase}${above}${shown.map((line) => `${line}\n`).join('')}`);
  };
  return {
    take: (entry) => {
      state = take(state, entry);
      if (entry.kind === 'event') draw(`${visible(describeEvent(entry.event))}\n`);
      else if (entry.kind === 'console') draw(`${visible(entry.line)}\n`);
      else draw();
    },
    screen: {
      get now() {
        return screen;
      },
      get names() {
        return shownRows(frozen, screen.filter).map((row) => row.telemetry.name);
      },
      change: (how) => {
        screen = how(screen);
        draw();
      },
    },
  };
};

export const printerFor = (output: Output): MonitorPrinter => {
  if (output.live) return livePrinter(output);
  return printing(output.json ? jsonPrinter(output) : plainPrinter(output));
};
