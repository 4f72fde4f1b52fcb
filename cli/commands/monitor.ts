import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { boards } from '../../boards/index.ts';
import { writePieces } from '../../firmware/write.ts';
import { CancelledError, likelyPorts } from '../../link/index.ts';
import { type Sink, staticPage, type Told } from '../../monitor/index.ts';
import { type BoardOptions, boardOptionsOf, portOf, withBoard } from '../connect.ts';
import { passThrough } from '../console.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { ledgerOption } from '../ledger-option.ts';
import { linePrinter, type MonitorPrinter } from '../monitor-printer.ts';
import { type BoardAction, MonitorView } from '../monitor-view.ts';
import { wholeNumber } from '../numbers.ts';
import { recorded } from '../recorded.ts';
import { pageScript } from '../web/files.ts';
import { defaultStore } from './history.ts';
import { BoardFeed, replay } from './monitor-feed.ts';
import { type BoardSink, metricsAddress, openSinks, type SinkOptions, webAddress } from './monitor-sinks.ts';

type MonitorOptions = SinkOptions & {
  readonly count?: number;
  readonly interval: number;
  readonly raw?: boolean;
  readonly replay?: string;
  readonly speed: number;
  readonly also?: readonly string[];
  readonly savePage?: string;
};

type Boards = ReadonlyMap<string, BoardOptions>;

/** A real board by its port, a virtual one by its name. */
const named = (name: string): BoardOptions => (boards[name]?.qemu ? { board: name } : { port: name });

/** Boards that nobody named: whatever is behind the likely ports of this machine. @throws UsageError where there is none */
const boardsFound = async ({ output, ports }: Context): Promise<readonly string[]> => {
  const found = await (ports ?? likelyPorts)();
  if (found.length === 0) {
    const hint = 'plug it in, or add --port ADDRESS for a real board, or --board qemu-virt';
    throw new UsageError('no board is named, and no serial port was found', hint);
  }
  output.note(`found ${found.join(', ')}`);
  return found;
};

/** The board to watch first, and those beside it. */
const withFound = async (context: Context, board: BoardOptions, also: readonly string[]) => {
  if (board.port || board.board) return { first: board, also };
  const [port, ...others] = await boardsFound(context);
  return { first: { ...board, port: port! }, also: [...others, ...also] };
};

/** Every board by what it is called. @throws UsageError when one is named twice */
const boardsOf = (first: BoardOptions, also: readonly string[]): Boards => {
  const { port: _, board: __, ...shared } = first;
  const all: [string, BoardOptions][] = [
    [portOf(first), first],
    ...also.map((name): [string, BoardOptions] => [name, { ...shared, ...named(name) }]),
  ];
  const twice = all.find(([port], i) => all.findIndex(([other]) => other === port) < i);
  if (twice) throw new UsageError(`${twice[0]} is named twice`, 'a line has one reader');
  return new Map(all);
};

const watchRecording = async (context: Context, path: string, options: MonitorOptions, sinkOf: BoardSink) => {
  const { signal } = context.cleanup;
  const { count = Number.POSITIVE_INFINITY, speed } = options;
  const sinks = new Map<string, Sink>();
  const tell = ({ port, entry }: Told) => {
    const sink = sinks.get(port) ?? sinkOf(port);
    sinks.set(port, sink);
    sink(entry);
  };
  const store = typeof options.store === 'string' ? options.store : defaultStore;
  await replay(recorded(context, path, store), tell, { speed, count, signal });
  if (options.web === undefined && options.metrics === undefined) return;
  context.output.note(`${path} was replayed; Ctrl-C ends`);
  await sleep(2 ** 31 - 1, undefined, { signal });
};

/** One that fails for good says so, and the others go on. */
const orSaidDown =
  (context: Context, sink: Sink) =>
  (error: Error): void => {
    if (context.cleanup.signal.aborted) throw error;
    sink({ kind: 'down', time_ms: Date.now(), why: error.message });
  };

const perform = async (action: BoardAction, board: BoardFeed | undefined): Promise<string> => {
  if (!board) return 'there is no board';
  return action.kind === 'rollback' ? board.rollback(action.module) : board.command(action.line);
};

/** Reads every board over a connection of its own, until all readings are taken. */
const watchBoards = async (
  context: Context,
  watched: Boards,
  options: MonitorOptions,
  sinkOf: BoardSink,
  printer: MonitorPrinter,
) => {
  const { count = Number.POSITIVE_INFINITY, interval, web, metrics } = options;
  const several = watched.size > 1;
  const patient = several || web !== undefined || metrics !== undefined;
  const all = [...watched].map(([port, board]) => {
    const sink = sinkOf(port);
    return { port, board, sink, feed: new BoardFeed(sink, { count, intervalMs: interval, patient }) };
  });
  const feeds = new Map(all.map(({ port, feed }) => [port, feed]));
  if (printer instanceof MonitorView) printer.perform = (action, port) => perform(action, feeds.get(port));
  const runs = all.map(({ feed, board, sink }) => {
    const run = feed.run(context, board);
    return several ? run.catch(orSaidDown(context, sink)) : run;
  });
  await Promise.all(runs);
};

const printerFor = ({ output, ...context }: Context): MonitorPrinter | Promise<MonitorPrinter> => {
  const streams = { keyboard: process.stdin, display: process.stdout };
  return output.live ? MonitorView.open({ output, ...context }, streams) : linePrinter(output);
};

const watch = async (context: Context, board: BoardOptions, options: MonitorOptions): Promise<void> => {
  const { replay: recording, also = [], store: _, ...seen } = options; // what comes from a store does not go into one again
  if (recording && also.length > 0)
    throw new UsageError('--also is of boards', 'a recording has its own boards');
  const wanted = recording ? undefined : await withFound(context, board, also);
  const watched: Boards = wanted ? boardsOf(wanted.first, wanted.also) : new Map();
  const printer = await printerFor(context);
  try {
    const sinksOf = await openSinks(context, recording ? seen : options);
    const sinkOf = (port: string): Sink => {
      const [kept, shown] = [sinksOf(port), printer.board(port)];
      return (entry) => {
        kept(entry);
        shown(entry);
      };
    };
    if (recording) await watchRecording(context, recording, options, sinkOf);
    else await watchBoards(context, watched, options, sinkOf, printer);
  } finally {
    if (printer instanceof MonitorView) printer.close();
  }
};

/** One file, which needs no server: open it in Chromium, Chrome or Edge. */
const savePage = async ({ output }: Context, file: string): Promise<void> => {
  const page = staticPage(await pageScript('serial'));
  writePieces(file, (out) => out(page));
  output.fact({ event: 'saved', file }, `${file}: open it in Chromium, Chrome or Edge`);
};

const ignoreCancel = (error: unknown) => {
  if (error instanceof CancelledError || (error as Error).name === 'AbortError') return;
  throw error;
};

/** `velocity monitor` */
export const registerMonitor = (program: Command, context: Context): void => {
  program
    .command('monitor')
    .description(
      'watch boards: telemetry of modules, events and console text; without --port or --board, all serial ports',
    )
    .option('--count <n>', 'stop after so many readings of each board', wholeNumber(1))
    .option('--interval <ms>', 'time between readings', wholeNumber(10, 3_600_000), 1000)
    .option('--web [address]', 'serve a page with charts on HOST:PORT; default 127.0.0.1:8477', webAddress)
    .option('--also <board...>', 'more boards beside the first: ports, or names of virtual boards')
    .option('--save-page <file>', 'write the page that reads boards in the browser alone, and end')
    .option('--metrics [address]', 'serve OpenMetrics on HOST:PORT; default 127.0.0.1:9477', metricsAddress)
    .addOption(ledgerOption())
    .option('--record <file>', 'append everything to this file, one JSON object a line')
    .option('--store [file]', 'keep everything in the history store, see `velocity history`')
    .option('--replay <what>', 'watch a recording, or a run of the history by its number, instead of a board')
    .option(
      '--speed <factor>',
      'of a replay, whose pauses are 10 s at most; 0 makes none',
      wholeNumber(0, 1_000_000),
      1,
    )
    .option('--log <file>', 'append the console text to this file, with the time of each line')
    .option('--raw', 'only pass the console through, both ways')
    .addHelpText('after', '\nExamples:\n  velocity monitor --port /dev/ttyUSB0 --interval 500')
    .addHelpText('after', '  velocity monitor --port /dev/ttyUSB0 --web --metrics --record run.jsonl')
    .addHelpText('after', '  velocity monitor --port /dev/ttyUSB0 --also /dev/ttyUSB1 rpi4b')
    .addHelpText('after', '  velocity monitor --replay run.jsonl --speed 10')
    .addHelpText(
      'after',
      '  velocity monitor --port /dev/ttyUSB0 --store\n  velocity monitor --replay 3 --web',
    )
    .action(async (options: MonitorOptions, command: Command) => {
      if (options.savePage) return savePage(context, options.savePage);
      const board = boardOptionsOf(command);
      const work = options.raw
        ? withBoard(context, board, (address) => passThrough(context, address, board))
        : watch(context, board, options);
      await work.catch(ignoreCancel);
    });
};
