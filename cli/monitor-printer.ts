/** How a monitor's findings are shown: redrawn on a terminal, as lines elsewhere, as JSON for programs. */
import { statusOf } from '../abi/index.ts';
import type { BoardEvent } from '../link/index.ts';
import { cyclesPerCall, type ModuleRow, type MonitorState, render, renderPlain } from '../monitor/index.ts';
import type { Output } from './output.ts';

export type MonitorPrinter = {
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

const jsonPrinter = (output: Output): MonitorPrinter => {
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

const plainPrinter = (output: Output): MonitorPrinter => {
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

/** Text scrolls above the table, which is drawn anew below it. Control characters of the board are made visible. */
const livePrinter = (output: Output): MonitorPrinter => {
  let shown: readonly string[] = [];
  const erase = () => (shown.length > 0 ? `\x1b[${shown.length}A\x1b[J` : '');
  const draw = (above: string, lines: readonly string[]) => {
    output.raw(`${erase()}${above}${lines.map((line) => `${line}\n`).join('')}`);
    shown = lines;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const visible = (line: string) => line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '�');
  return {
    update: (state) => draw('', render(state, output.columns)),
    event: (event) => draw(`${visible(describeEvent(event))}\n`, shown),
    console: (line) => draw(`${visible(line)}\n`, shown),
  };
};

export const printerFor = (output: Output): MonitorPrinter => {
  if (output.json) return jsonPrinter(output);
  return output.live ? livePrinter(output) : plainPrinter(output);
};
