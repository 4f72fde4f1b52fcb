/** How a monitor's findings are shown: redrawn on a terminal, as lines elsewhere, as JSON for programs. */
import { statusOf } from '../abi/index.ts';
import type { BoardEvent } from '../link/index.ts';
import {
  type Boards,
  chosen,
  cyclesPerCall,
  emptyScreen,
  emptyState,
  type ModuleRow,
  type MonitorState,
  render,
  renderPlain,
  type Screen,
  type Sink,
  shownRows,
  take,
} from '../monitor/index.ts';
import type { Output } from './output.ts';

/** What the keyboard changes. */
export type LiveScreen = {
  readonly now: Screen;
  /** Modules shown, from top to bottom. */
  readonly names: readonly string[];
  /** Boards, from top to bottom. */
  readonly ports: readonly string[];
  /** What is shown of the chosen board, without keys and marks. */
  readonly text: string;
  change(how: (screen: Screen) => Screen): void;
};

export type MonitorPrinter = {
  /** Where entries of this board go. */
  board(port: string): Sink;
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

const rowFact = (row: ModuleRow) => {
  const { name, ...telemetry } = row.telemetry;
  const rates = { interval_calls: row.calls, cycles_per_call: cyclesPerCall(row) };
  return { event: 'telemetry', module: name, hook: row.module?.hook, ...telemetry, ...rates };
};

const jsonLines = (output: Output, port: string): Lines => {
  const changeOf = connectionChange();
  const tell = ({ event, ...fact }: { readonly event: string; readonly [name: string]: unknown }) =>
    output.fact({ event, port, ...fact }, '');
  return {
    update: (state) => {
      const change = changeOf(state);
      if (change === 'connected') tell({ event: 'connected', ...state.board });
      if (change === 'disconnected') tell({ event: 'disconnected', reason: state.down });
      if (!state.down) for (const row of state.rows) tell(rowFact(row));
    },
    event: ({ kind, name, reason, ...rest }) =>
      tell({ event: 'board', kind, module: name, reason: statusOf(reason).name, ...rest }),
    console: (text) => tell({ event: 'console', text }),
  };
};

const plainLines = (output: Output, label: () => string): Lines => {
  const changeOf = connectionChange();
  const print = (line: string) => output.print(`${label()}${line}`);
  return {
    update: (state) => {
      const change = changeOf(state);
      if (change === 'connected') print(`connected: ${state.board?.board}`);
      if (change === 'disconnected') print(`disconnected: ${state.down}`);
      if (!state.down) for (const row of state.rows) print(renderPlain(row));
    },
    event: (event) => print(describeEvent(event)),
    console: (line) => print(line),
  };
};

/** Gives every entry its way of being shown, and keeps the state of each board. From the second board on they are told apart. */
const linePrinter = (output: Output): MonitorPrinter => {
  let boards = 0;
  return {
    board: (port) => {
      boards += 1;
      const label = () => (boards > 1 ? `${port}: ` : '');
      const lines = output.json ? jsonLines(output, port) : plainLines(output, label);
      let state = emptyState;
      return (entry) => {
        state = take(state, entry);
        if (entry.kind === 'event') lines.event(entry.event);
        else if (entry.kind === 'console') lines.console(entry.line);
        else lines.update(state);
      };
    },
  };
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const visible = (line: string) => line.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�');

/** Text scrolls above the table, which is drawn anew below it. Control characters of the board are made visible. */
class LivePrinter implements MonitorPrinter, LiveScreen {
  readonly #output: Output;
  readonly #boards = new Map<string, MonitorState>();
  /** What is shown: a copy of the boards, that stays while paused. */
  #frozen: Boards = new Map();
  #shown: readonly string[] = [];
  now = emptyScreen;

  constructor(output: Output) {
    this.#output = output;
  }

  get screen(): LiveScreen {
    return this;
  }

  get ports(): readonly string[] {
    return [...this.#boards.keys()];
  }

  get names(): readonly string[] {
    const state = this.#frozen.get(chosen(this.now, this.ports) ?? '') ?? emptyState;
    return shownRows(state, this.now.filter).map((row) => row.telemetry.name);
  }

  get text(): string {
    const port = chosen(this.now, this.ports) ?? '';
    const board: Boards = new Map([[port, this.#frozen.get(port) ?? emptyState]]);
    const size = { columns: this.#output.columns, rows: Number.POSITIVE_INFINITY };
    return render(board, size).map(visible).join('\n');
  }

  change(how: (screen: Screen) => Screen): void {
    this.now = how(this.now);
    this.#draw();
  }

  board(port: string): Sink {
    this.#boards.set(port, emptyState);
    const above = (line: string) =>
      this.#draw(`${this.#boards.size > 1 ? `${port}: ` : ''}${visible(line)}\n`);
    return (entry) => {
      this.#boards.set(port, take(this.#boards.get(port)!, entry));
      if (entry.kind === 'event') above(describeEvent(entry.event));
      else if (entry.kind === 'console') above(entry.line);
      else this.#draw();
    };
  }

  #draw(above = ''): void {
    const erase = this.#shown.length > 0 ? `\x1b[${this.#shown.length}A\x1b[J` : '';
    if (!this.now.paused) this.#frozen = new Map(this.#boards);
    const { columns, rows } = this.#output;
    this.#shown = render(this.#frozen, { columns, rows: rows - 1 }, this.now).map(visible);
    this.#output.raw(`${erase}${above}${this.#shown.map((line) => `${line}\n`).join('')}`);
  }
}

export const printerFor = (output: Output): MonitorPrinter =>
  output.live ? new LivePrinter(output) : linePrinter(output);
