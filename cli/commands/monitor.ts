import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { boards } from '../../boards/index.ts';
import { CancelledError } from '../../link/index.ts';
import { type Sink, staticPage } from '../../monitor/index.ts';
import { type BoardOptions, boardOptionsOf, withBoard } from '../connect.ts';
import { passThrough } from '../console.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { ledgerOption } from '../ledger-option.ts';
import { printerFor } from '../monitor-printer.ts';
import { wholeNumber } from '../numbers.ts';
import { recorded } from '../recorded.ts';
import { pageScript } from '../web/files.ts';
import { defaultStore } from './history.ts';
import { BoardFeed, replay } from './monitor-feed.ts';
import { watchKeys } from './monitor-keys.ts';
import { metricsAddress, openSinks, type SinkOptions, type Sinks, webAddress } from './monitor-sinks.ts';

type MonitorOptions = SinkOptions & {
  readonly count?: number;
  readonly interval: number;
  readonly raw?: boolean;
  readonly replay?: string;
  readonly speed: number;
  readonly also?: readonly string[];
  readonly savePage?: string;
};

const isServing = ({ web, metrics }: MonitorOptions) => web !== undefined || metrics !== undefined;

const watchRecording = async (context: Context, path: string, options: MonitorOptions, sink: Sink) => {
  const { signal } = context.cleanup;
  const { count = Number.POSITIVE_INFINITY, speed } = options;
  await replay(
    recorded(context, path, typeof options.store === 'string' ? options.store : defaultStore),
    sink,
    { speed, count, signal },
  );
  if (!isServing(options)) return;
  context.output.note(`${path} was replayed; Ctrl-C ends`);
  await sleep(2 ** 31 - 1, undefined, { signal });
};

/** A real board by its port, a virtual one by its name. */
const named = (name: string): BoardOptions => (boards[name]?.qemu ? { board: name } : { port: name });

/** Boards beside the first one, each with a connection of its own. One that fails for good says so on the page. */
const watchOthers = (
  context: Context,
  { baud, key }: BoardOptions,
  { also = [], interval }: MonitorOptions,
  opened: Sinks,
): Promise<void>[] =>
  also.map(async (name) => {
    const sinks = opened.other(name);
    const sink: Sink = (entry) => {
      for (const each of sinks) each(entry);
    };
    const feed = new BoardFeed(sink, {
      count: Number.POSITIVE_INFINITY,
      intervalMs: interval,
      patient: true,
    });
    const board = { ...named(name), ...(baud ? { baud } : {}), ...(key ? { key } : {}) };
    await feed.run(context, board).catch((error: Error) => {
      if (context.cleanup.signal.aborted) return;
      sink({ kind: 'down', time_ms: Date.now(), why: error.message });
    });
  });

const watch = async (context: Context, board: BoardOptions, options: MonitorOptions): Promise<void> => {
  if (options.also && !options.web) throw new UsageError('--also is for the page', 'add --web');
  const { store: _, ...seen } = options; // what comes from a store does not go into one again
  const opened = await openSinks(context, options.replay ? seen : options);
  const sinks = opened.first(options.replay ?? board.port ?? board.board ?? 'board');
  const printer = printerFor(context.output);
  const sink: Sink = (entry) => {
    for (const each of sinks) each(entry);
    printer.take(entry);
  };
  const { count = Number.POSITIVE_INFINITY, interval } = options;
  const feed = new BoardFeed(sink, { count, intervalMs: interval, patient: isServing(options) });
  const letGo = printer.screen ? watchKeys(context, printer.screen, feed) : () => {};
  try {
    if (options.replay) await watchRecording(context, options.replay, options, sink);
    else {
      void watchOthers(context, board, options, opened); // they end with the command
      await feed.run(context, board);
    }
  } finally {
    letGo();
  }
};

/** One file, which needs no server: open it in Chromium, Chrome or Edge. */
const savePage = async ({ output }: Context, file: string): Promise<void> => {
  writeFileSync(file, staticPage(await pageScript('serial')));
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
    .description('watch a board: telemetry of its modules, events and console text')
    .option('--count <n>', 'stop after so many readings', wholeNumber(1))
    .option('--interval <ms>', 'time between readings', wholeNumber(10, 3_600_000), 1000)
    .option('--web [address]', 'serve a page with charts on HOST:PORT; default 127.0.0.1:8477', webAddress)
    .option('--also <board...>', 'more boards for the page: ports, or names of virtual boards')
    .option('--save-page <file>', 'write the page that reads boards in the browser alone, and end')
    .option('--metrics [address]', 'serve OpenMetrics on HOST:PORT; default 127.0.0.1:9477', metricsAddress)
    .addOption(ledgerOption())
    .option('--record <file>', 'append everything to this file, one JSON object a line')
    .option('--store [file]', 'keep everything in the history store, see `velocity history`')
    .option('--replay <what>', 'watch a recording, or a run of the history by its number, instead of a board')
    .option('--speed <factor>', 'of a replay; 0 makes no pauses', wholeNumber(0, 1_000_000), 1)
    .option('--log <file>', 'append the console text to this file, with the time of each line')
    .option('--raw', 'only pass the console through, both ways')
    .addHelpText('after', '\nExamples:\n  velocity monitor --port /dev/ttyUSB0 --interval 500')
    .addHelpText('after', '  velocity monitor --port /dev/ttyUSB0 --web --metrics --record run.jsonl')
    .addHelpText('after', '  velocity monitor --port /dev/ttyUSB0 --also /dev/ttyUSB1 /dev/ttyUSB2 --web')
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
