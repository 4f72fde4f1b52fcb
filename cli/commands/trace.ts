import type { Command } from 'commander';
import { writeWhole } from '../../monitor/history/index.ts';
import { type Entry, PerfettoTrace } from '../../monitor/index.ts';
import { type BoardOptions, boardOptionsOf, portOf } from '../connect.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../numbers.ts';
import { recorded } from '../recorded.ts';
import { storeOption } from './history.ts';
import { BoardFeed, replay } from './monitor-feed.ts';

type TraceOptions = {
  readonly perfetto: string;
  readonly replay?: string;
  readonly store: string;
  readonly count: number;
  readonly interval: number;
};

const trace = async (context: Context, board: BoardOptions, options: TraceOptions): Promise<void> => {
  const pieces: Buffer[] = [];
  const written = new PerfettoTrace((bytes) => pieces.push(bytes));
  const { signal } = context.cleanup;
  if (options.replay) {
    const entries = recorded(context, options.replay, options.store);
    await replay(entries, (told) => written.take(told), {
      speed: 0,
      count: Number.POSITIVE_INFINITY,
      signal,
    });
  } else {
    const { count, interval } = options;
    const port = portOf(board);
    const sink = (entry: Entry) => written.take({ port, entry });
    await new BoardFeed(sink, { count, intervalMs: interval, patient: false }).run(context, board);
  }
  written.close();
  writeWhole(options.perfetto, (out) => out(Buffer.concat(pieces)));
  context.output.fact(
    { event: 'traced', path: options.perfetto, packets: pieces.length },
    `${options.perfetto}: ${pieces.length} packets; open it at ui.perfetto.dev or with trace_processor`,
  );
};

/** `velocity trace`: a board, or a recording of one, on Perfetto's time line. */
export const registerTrace = (program: Command, context: Context): void => {
  program
    .command('trace')
    .description('write versions, swaps, faults, costs and core activity over time as a Perfetto trace')
    .requiredOption('--perfetto <file>', 'file to write')
    .option('--replay <what>', 'a recording, or a run of the history by its number, instead of a board')
    .option('--count <n>', 'readings to take of a board', wholeNumber(1), 50)
    .option('--interval <ms>', 'time between readings', wholeNumber(10, 3_600_000), 100)
    .addOption(storeOption())
    .addHelpText('after', '\nExamples:\n  velocity trace --perfetto fir.pftrace --port /dev/ttyUSB0')
    .addHelpText('after', '  velocity trace --perfetto run3.pftrace --replay 3')
    .action((options: TraceOptions, command: Command) => trace(context, boardOptionsOf(command), options));
};
