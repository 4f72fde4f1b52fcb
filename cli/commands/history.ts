import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { paths } from '../../firmware/index.ts';
import { writePieces } from '../../firmware/write.ts';
import {
  entriesOfRun,
  exportTable,
  type Format,
  formats,
  moduleNames,
  openStore,
  prune,
  type Run,
  repairStore,
  retentionOf,
  runNumbered,
  runsOf,
  type Store,
  searchLedger,
  seriesOf,
  setRetention,
  type TableName,
  tables,
  takeLedger,
  usedBytes,
} from '../../monitor/history/index.ts';
import { encodeTold, sparkline } from '../../monitor/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { wholeNumber } from '../numbers.ts';

export const defaultStore = join(paths.state, 'history.db');

/** `--store FILE` of every command that reads the store. */
export const storeOption = () =>
  new Option('--store <file>', 'the history store').default(
    defaultStore,
    'history.db in .velocity of this checkout, or in ~/.local/state/velocity',
  );

type StoreOptions = { readonly store: string };

const using = <T>({ store: path }: StoreOptions, work: (store: Store) => T): T => {
  const store = openStore(path);
  try {
    return work(store);
  } finally {
    store.close();
  }
};

const timeText = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

const runLine = (run: Run) => {
  const seconds = ((run.ended_ms - run.started_ms) / 1000).toFixed(1);
  const lost = run.dropped > 0 ? `, ${run.dropped} entries lost to a full disk` : '';
  return `${String(run.id).padStart(5)}  ${timeText(run.started_ms)}  ${seconds.padStart(9)} s  ${String(run.readings).padStart(7)} readings  ${String(run.events).padStart(5)} events  ${run.board || '(no answer)'} on ${run.port}${lost}`;
};

const list = ({ output }: Context, options: StoreOptions) =>
  using(options, (store) => {
    for (const run of runsOf(store)) output.fact({ event: 'run', ...run }, runLine(run));
    const { days, bytes } = retentionOf(store);
    const used = usedBytes(store);
    output.fact(
      { event: 'store', path: options.store, used, days, bytes },
      `${options.store}: ${(used / 2 ** 20).toFixed(1)} MiB in use; keeps ${days} days, at most ${(bytes / 2 ** 20).toFixed(0)} MiB`,
    );
  });

const POINTS = 60;

const show = ({ output }: Context, options: StoreOptions, run: number) =>
  using(options, (store) => {
    output.print(runLine(runNumbered(store, run)));
    for (const module of moduleNames(store, run)) {
      const points = seriesOf(store, run, module, POINTS);
      const means = points.flatMap(({ mean }) => (mean === null ? [] : [mean]));
      const calls = points.reduce((sum, point) => sum + point.calls, 0);
      const range =
        means.length > 0 ? `${Math.min(...means).toFixed(0)} to ${Math.max(...means).toFixed(0)}` : '?';
      output.fact(
        { event: 'series', run, module, points },
        `${module.padEnd(16)} ${calls} calls, ${range} cycles a call  ${sparkline(means)}`,
      );
    }
  });

/** As they are listed, or parts of it; a time without Z is that of this machine's zone. */
const timeOf = (text: string): number => {
  const time = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new InvalidArgumentError('expected a time, for example 2026-01-31T12:00Z');
};

type ExportOptions = StoreOptions & {
  readonly format: Format | 'recording';
  readonly table: TableName;
  readonly out: string;
  readonly run?: number;
  readonly module?: string;
  readonly from?: number;
  readonly to?: number;
};

/** A run in the form that `velocity monitor --record` writes. */
const exportRecording = (store: Store, run: number | undefined, out: (text: string) => void): number => {
  if (run === undefined) throw new UsageError('a recording is of one run', 'add --run NUMBER');
  const { id, port } = runNumbered(store, run);
  let count = 0;
  for (const entry of entriesOfRun(store, id)) {
    out(`${encodeTold({ port, entry })}\n`);
    count += 1;
  }
  return count;
};

const exportTo = ({ output }: Context, options: ExportOptions) =>
  using(options, (store) => {
    const { run, module, from, to, format, table, out } = options;
    if (run !== undefined) runNumbered(store, run);
    const filter = {
      ...(run === undefined ? {} : { run }),
      ...(module === undefined ? {} : { module }),
      ...(from === undefined ? {} : { from_ms: from }),
      ...(to === undefined ? {} : { to_ms: to }),
    };
    const rows = writePieces(out, (bytes) =>
      format === 'recording'
        ? exportRecording(store, run, bytes)
        : exportTable(store, table, format, filter, bytes),
    );
    output.fact({ event: 'exported', path: out, format, table, rows }, `${out}: ${rows} rows`);
  });

const readLedger = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
};

const ledger = (
  { output }: Context,
  options: StoreOptions & { ledger: string },
  words: readonly string[],
) => {
  const store = openStore(options.store, { create: true });
  try {
    const { taken, unreadable } = takeLedger(store, readLedger(options.ledger));
    output.note(
      `${options.ledger}: ${taken} new lines${unreadable > 0 ? `, ${unreadable} that are none` : ''}`,
    );
    for (const { body, ...line } of searchLedger(store, words)) {
      const text = `${timeText(line.time_ms)}  ${line.module.padEnd(16)} ${line.kind.padEnd(8)} ${body}`;
      output.fact({ event: 'ledger', ...line, line: JSON.parse(body) as object }, text);
    }
  } finally {
    store.close();
  }
};

const keep = ({ output }: Context, options: StoreOptions & { days?: number; megabytes?: number }) =>
  using(options, (store) => {
    const kept = setRetention(store, {
      ...(options.days === undefined ? {} : { days: options.days }),
      ...(options.megabytes === undefined ? {} : { bytes: options.megabytes * 2 ** 20 }),
    });
    prune(store, { now: Date.now() });
    output.fact(
      { event: 'keeps', ...kept, used: usedBytes(store) },
      `keeps ${kept.days} days, at most ${kept.bytes / 2 ** 20} MiB; ${(usedBytes(store) / 2 ** 20).toFixed(1)} MiB in use`,
    );
  });

const repair = ({ output }: Context, { store }: StoreOptions) => {
  const repaired = repairStore(store);
  const saved = Object.entries(repaired.saved).map(([name, rows]) => `${rows} of ${name}`);
  output.fact(
    { event: 'repaired', ...repaired },
    `${store}: ${repaired.whole ? 'every row was readable' : 'part of it is lost'}; saved ${saved.join(', ')}; the file as it was: ${repaired.kept}`,
  );
};

const registerExport = (history: Command, context: Context) =>
  history
    .command('export')
    .description('write what is stored to a file')
    .requiredOption('--out <file>', 'file to write; one that is there is replaced once the new one is whole')
    .addOption(
      new Option('--format <format>', 'recording is what `velocity monitor --record` writes')
        .choices([...formats, 'recording'])
        .default('csv'),
    )
    .addOption(
      new Option('--table <table>', 'what to write').choices(Object.keys(tables)).default('telemetry'),
    )
    .option('--run <number>', 'only this run', wholeNumber(1))
    .option('--module <name>', 'only this module')
    .option('--from <time>', 'only from this time on', timeOf)
    .option('--to <time>', 'only before this time', timeOf)
    .addOption(storeOption())
    .addHelpText('after', '\nExample:\n  velocity history export --run 3 --format parquet --out run3.parquet')
    .action((options: ExportOptions) => exportTo(context, options));

const registerLedger = (history: Command, context: Context) =>
  history
    .command('ledger')
    .description("take new lines of the loop's ledger over and print those that have all the words")
    .argument('[words...]', 'module, hash, verdict, …')
    .addOption(
      new Option('--ledger <file>', 'the ledger').default(
        join(paths.state, 'ledger.jsonl'),
        'ledger.jsonl in .velocity of this checkout, or in ~/.local/state/velocity',
      ),
    )
    .addOption(storeOption())
    .addHelpText('after', '\nExample:\n  velocity history ledger fir refused')
    .action((words: string[], options: StoreOptions & { ledger: string }) => ledger(context, options, words));

/** `velocity history`: the store that `velocity monitor --store` writes. */
export const registerHistory = (program: Command, context: Context): void => {
  const history = program
    .command('history')
    .description(
      'look into what monitors stored: runs, modules over time, ledger; export, retention, repair',
    );
  history
    .command('list')
    .description('list the runs; `velocity monitor --replay NUMBER` shows one again')
    .addOption(storeOption())
    .addHelpText('after', '\nExample:\n  velocity history list')
    .action((options: StoreOptions) => list(context, options));
  history
    .command('show')
    .description('show the modules of a run over time')
    .argument('<run>', 'number of the run', wholeNumber(1))
    .addOption(storeOption())
    .addHelpText('after', '\nExample:\n  velocity history show 3')
    .action((run: number, options: StoreOptions) => show(context, options, run));
  registerExport(history, context);
  registerLedger(history, context);
  history
    .command('keep')
    .description('set how long telemetry, events and console text are kept, and delete what is older')
    .option('--days <n>', 'days', wholeNumber(1, 36_500))
    .option('--megabytes <n>', 'largest size, in MiB', wholeNumber(1, 1 << 20))
    .addOption(storeOption())
    .addHelpText('after', '\nExample:\n  velocity history keep --days 30 --megabytes 500')
    .action((options: StoreOptions & { days?: number; megabytes?: number }) => keep(context, options));
  history
    .command('repair')
    .description('save what can be read of a damaged store into a new one')
    .addOption(storeOption())
    .addHelpText('after', '\nExample:\n  velocity history repair')
    .action((options: StoreOptions) => repair(context, options));
};
