/** How a monitor's findings are shown where nobody watches a terminal: as lines, as JSON for programs. */
import { statusOf } from '../abi/index.ts';
import type { BoardEvent } from '../link/index.ts';
import {
  cyclesPerCall,
  emptyState,
  type ModuleRow,
  type MonitorState,
  renderPlain,
  type Sink,
  take,
  visible,
} from '../monitor/index.ts';
import type { Output } from './output.ts';

export type MonitorPrinter = {
  /** Where entries of this board go. */
  board(port: string): Sink;
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
  // What is refused has no version yet, and a name only where it was signed by a key that the board knows.
  if (event.kind === 'refused')
    return `* ${event.name || 'a patch'} refused${reason}${event.text ? `: ${event.text}` : ''}`;
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
  const print = (line: string) => output.print(visible(`${label()}${line}`));
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
export const linePrinter = (output: Output): MonitorPrinter => {
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
