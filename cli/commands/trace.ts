import { type Command, Option } from 'commander';
import { writePieces } from '../../firmware/write.ts';
import { PerfettoTrace, type RunsTaken, type Told } from '../../monitor/index.ts';
import { finished } from '../cleanup.ts';
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
  readonly runs?: boolean;
};

const told = ({ runs: asked }: TraceOptions, runs: number, lost: number) => {
  if (!asked) return '';
  return `, ${runs} single runs, ${lost} lost${lost > 0 ? ': ask for a shorter --interval' : ''}`;
};

/** Takes what a recording or a board tells, to its end or to where that breaks off. */
const read = async (
  context: Context,
  board: BoardOptions,
  options: TraceOptions,
  told: { entry: (told: Told) => void; runs: (port: string, taken: RunsTaken) => void },
): Promise<void> => {
  const { signal } = context.cleanup;
  const { count, interval } = options;
  if (options.replay) {
    const entries = recorded(context, options.replay, options.store);
    return replay(entries, told.entry, { speed: 0, count: Number.POSITIVE_INFINITY, signal });
  }
  const port = portOf(board);
  const onRuns = options.runs ? { onRuns: (taken: RunsTaken) => told.runs(port, taken) } : {};
  const feed = { count, intervalMs: interval, patient: false, ...onRuns };
  await new BoardFeed((entry) => told.entry({ port, entry }), feed).run(context, board);
};

/** What was read until Ctrl-C, or until the board went away, is a trace as well. */
const trace = async (context: Context, board: BoardOptions, options: TraceOptions): Promise<void> => {
  const pieces: Buffer[] = [];
  const written = new PerfettoTrace((bytes) => pieces.push(bytes));
  let [readings, runs, lost, whole] = [0, 0, 0, false];
  try {
    await read(context, board, options, {
      entry: (told) => {
        if (told.entry.kind === 'reading') readings += 1;
        written.take(told);
      },
      runs: (port, taken) => {
        runs += taken.runs.length;
        lost = taken.lost;
        written.takeRuns(port, taken);
      },
    });
    whole = true;
  } finally {
    if (whole || readings > 0) {
      written.close();
      writePieces(options.perfetto, (out) => out(Buffer.concat(pieces)));
      const fact = { path: options.perfetto, packets: pieces.length, whole };
      context.output.fact(
        { event: 'traced', ...fact, ...(options.runs ? { runs, lost } : {}) },
        `${options.perfetto}: ${pieces.length} packets${told(options, runs, lost)}${whole ? '' : ', cut short'}; open it at ui.perfetto.dev or with trace_processor`,
      );
    }
  }
};

/** `velocity trace`: a board, or a recording of one, on Perfetto's time line. */
export const registerTrace = (program: Command, context: Context): void => {
  program
    .command('trace')
    .description('write versions, swaps, faults, costs and core activity over time as a Perfetto trace')
    .requiredOption('--perfetto <file>', 'file to write')
    .option('--replay <what>', 'a recording, or a run of the history by its number, instead of a board')
    .addOption(
      new Option(
        '--runs',
        'also every single run of a hook, on its core; the board records them meanwhile',
      ).conflicts('replay'),
    )
    .option('--count <n>', 'readings to take of a board', wholeNumber(1), 50)
    .option('--interval <ms>', 'time between readings', wholeNumber(10, 3_600_000), 100)
    .addOption(storeOption())
    .addHelpText('after', '\nExamples:\n  velocity trace --perfetto fir.pftrace --runs --port /dev/ttyUSB0')
    .addHelpText('after', '  velocity trace --perfetto run3.pftrace --replay 3')
    .action((options: TraceOptions, command: Command) =>
      finished(context.cleanup, trace(context, boardOptionsOf(command), options)),
    );
};
