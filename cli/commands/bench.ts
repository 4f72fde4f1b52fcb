import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { requireTool, root } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { writeChanged } from '../../firmware/write.ts';
import { qemuVersion } from '../../rig/index.ts';
import { flashMetrics } from '../../test/bench/flash/index.ts';
import { historyMetrics } from '../../test/bench/history.ts';
import { kernelMetrics } from '../../test/bench/kernel.ts';
import { loopMetrics } from '../../test/bench/loop.ts';
import { type Metric, table } from '../../test/bench/metric.ts';
import { monitorMetrics } from '../../test/bench/monitor.ts';
import {
  type Comparison,
  comparePeers,
  improvedMetrics,
  NoPeerError,
  objectMetrics,
  objectTable,
  page,
  peerMetrics,
  rowTable,
  vectorMetrics,
  vectorPage,
  vectorTable,
} from '../../test/bench/peers/index.ts';
import {
  measureSelftests,
  selftestMetrics,
  selftestPage,
  selftestTable,
} from '../../test/bench/selftests/index.ts';
import { speculationMetrics } from '../../test/bench/speculation.ts';
import { swapMetrics } from '../../test/bench/swaps.ts';
import { uploadMetric } from '../../test/bench/upload.ts';
import {
  costsPage,
  costsSource,
  measureLoops,
  measureRoutines,
  payCells,
} from '../../test/bench/vectors/index.ts';
import {
  drawing,
  measureVerifier,
  verifierMetrics,
  page as verifierPage,
  rowTable as verifierTable,
} from '../../test/bench/verifier/index.ts';
import { inColumns } from '../columns.ts';
import { type BoardOptions, boardOptionsOf, withBoard, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { OutcomeError, UsageError } from '../failure.ts';
import { fetchFlashPeers, installGuestTools } from '../flash-peers.ts';
import { wholeNumber } from '../numbers.ts';
import { proposersFor } from '../proposers.ts';
import { installTools } from '../system-packages.ts';

const EMULATED = 'qemu-virt';
const PAGE = join(root, 'docs/reference/jit-benchmark.md');
const VECTOR_PAGE = join(root, 'docs/reference/vector-benchmark.md');

const show = ({ output }: Context, metrics: readonly Metric[]) => {
  for (const metric of metrics) if (output.json) output.fact(metric, '');
  output.print(table(metrics));
};

const benchKernel = async (context: Context, options: BoardOptions) => {
  const board = options.port ? options : { ...options, board: options.board ?? EMULATED };
  const metrics = await withLink(context, board, kernelMetrics);
  if (!board.port) metrics.push(await withBoard(context, board, uploadMetric)); // a real line keeps its own pace
  if (board.board === EMULATED) metrics.push(...(await speculationMetrics()));
  show(context, metrics);
};

const clangVersion = () =>
  execFileSync(requireTool('clang'), ['--version'], { encoding: 'utf8' }).split('\n')[0]!;

const writePage = (comparison: Comparison) => {
  const surroundings = { ...comparison, clang: clangVersion(), qemu: qemuVersion(requireTool('qemu')) };
  writeChanged(PAGE, page(comparison, surroundings));
  writeChanged(VECTOR_PAGE, vectorPage(comparison.vectorRows, surroundings));
};

const showRows = (context: Context, { rows, vectorRows, objectRows, improved }: Comparison) => {
  for (const row of [...rows, ...improved, ...vectorRows, ...objectRows])
    if (context.output.json) context.output.fact(row, '');
  context.output.print(`${rowTable(rows)}\n`);
  context.output.print(`${vectorTable(vectorRows)}\n`);
  context.output.print(`${objectTable(objectRows)}\n`);
  show(context, [
    ...peerMetrics(rows),
    ...improvedMetrics(improved, rows),
    ...vectorMetrics(vectorRows),
    ...objectMetrics(objectRows),
  ]);
};

/** Real boards count cycles, and other CPUs than the peers' cannot be compared with them; some ask no board. */
const checkPeerBoard = ({ port, board = EMULATED }: BoardOptions) => {
  if (port || board !== EMULATED) {
    throw new UsageError(
      `--peers, --selftests, --vectors and --verifier need no other board than ${EMULATED}`,
      'leave --port and --board away',
    );
  }
};

/** What is measured, or nothing where what others made cannot be had, which it says. */
const orReason = async <T>(context: Context, measure: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await measure();
  } catch (error) {
    if (!(error instanceof NoPeerError)) throw error;
    const reason = `skipped: ${error.message}; ${error.hint}`;
    context.output.fact({ event: 'skipped', reason }, reason);
    return undefined;
  }
};

const benchPeers = async (context: Context, write: boolean) => {
  const say = (line: string) => context.output.progress(line);
  installTools(['clang', 'lld', 'qemu'], say);
  const comparison = await orReason(context, () =>
    comparePeers((use) => withLink(context, { board: EMULATED }, use), say),
  );
  if (!comparison) return;
  showRows(context, comparison);
  if (write) writePage(comparison);
  const wrong = [
    ...comparison.rows.filter((row) => row.wrong.length > 0).map((row) => row.program),
    ...comparison.vectorRows.filter((row) => row.wrong.length > 0).map((row) => row.helper),
  ];
  if (wrong.length > 0) throw new OutcomeError('failed', `results differ: ${wrong.join(', ')}`);
};

const VERIFIER_PAGE = join(root, 'docs/reference/verifier-benchmark.md');

const benchVerifier = async (context: Context, write: boolean) => {
  const say = (line: string) => context.output.progress(line);
  installTools(['clang', 'lld', 'qemu'], say);
  const rows = await withLink(context, { board: EMULATED }, (link) => measureVerifier(link, say));
  for (const row of rows) if (context.output.json) context.output.fact(row, '');
  context.output.print(`${verifierTable(rows)}\n`);
  show(context, verifierMetrics(rows));
  if (!write) return;
  const host = `${cpus()[0]?.model ?? 'unknown'}, Node.js ${process.version}`;
  writeChanged(VERIFIER_PAGE, verifierPage(rows, { qemu: qemuVersion(requireTool('qemu')), host }));
  writeChanged(VERIFIER_PAGE.replace(/md$/, 'svg'), drawing(rows));
};

const SELFTEST_PAGE = join(root, 'docs/reference/linux-selftests.md');

const benchSelftests = async (context: Context, write: boolean) => {
  const say = (line: string) => context.output.progress(line);
  installTools(['clang', 'lld'], say);
  const run = await orReason(context, () => measureSelftests(say));
  if (!run) return;
  for (const row of run.rows) if (context.output.json) context.output.fact(row, '');
  context.output.print(`${selftestTable(run)}\n`);
  show(context, selftestMetrics(run));
  if (write) writeChanged(SELFTEST_PAGE, selftestPage(run, clangVersion()));
};

const COSTS_PAGE = join(root, 'docs/reference/vector-costs.md');
const COSTS = join(root, 'ebpf/vector-costs.ts');

const benchVectors = async (context: Context, write: boolean) => {
  const say = (line: string) => context.output.progress(line);
  installTools(['clang', 'lld', 'qemu'], say);
  const costs = await withLink(context, { board: EMULATED }, async (link) => ({
    routines: await measureRoutines(link),
    loops: await measureLoops(link, say),
  }));
  for (const [helper, rows] of costs.loops)
    for (const row of rows) if (context.output.json) context.output.fact({ helper, ...row }, '');
  context.output.print(inColumns(payCells(costs)));
  if (!write) return;
  writeChanged(COSTS, costsSource(costs.routines));
  execFileSync(process.execPath, [join(root, 'node_modules/.bin/biome'), 'format', '--write', COSTS]);
  writeChanged(
    COSTS_PAGE,
    costsPage(costs, { clang: clangVersion(), qemu: qemuVersion(requireTool('qemu')) }),
  );
};

const benchFlash = async (context: Context) => {
  const say = (line: string) => context.output.note(line);
  installGuestTools(say);
  fetchFlashPeers(say);
  show(context, await flashMetrics(say));
};

const benchLoop = (context: Context, options: BoardOptions) => {
  const say = (line: string) => context.output.note(line);
  const { proposers } = proposersFor({}, context);
  const board = options.port ? options : { ...options, board: options.board ?? EMULATED };
  const key = chosenKey(options.key);
  return withLink(context, board, async (link) =>
    show(context, await loopMetrics({ link, key, proposers, say })),
  );
};

const SWAPS = 10_000;

const benchSwaps = (context: Context, options: BoardOptions, swaps: number) => {
  const board = options.port ? options : { ...options, board: options.board ?? EMULATED };
  return withLink(context, board, async (link) =>
    show(context, await swapMetrics(link, swaps, (line) => context.output.progress(line))),
  );
};

/** Those that have pages: what the emulated board executes, and what others' tests expect. */
const comparisons = {
  peers: benchPeers,
  selftests: benchSelftests,
  vectors: benchVectors,
  verifier: benchVerifier,
} as const;

const HISTORY_ROWS = 5_000_000;

type BenchOptions = BoardOptions & {
  readonly flash?: boolean;
  readonly history?: number | true;
  readonly loop?: boolean;
  readonly monitor?: boolean;
  readonly peers?: boolean;
  readonly selftests?: boolean;
  readonly swaps?: number | true;
  readonly vectors?: boolean;
  readonly verifier?: boolean;
  readonly write?: boolean;
};

/** `velocity bench`: every figure that has a goal, measured by the board in executed instructions. */
export const registerBench = (program: Command, context: Context): void => {
  program
    .command('bench')
    .description(
      'measure boot, size, loading, accounting, swaps, uploads and guards against speculation, each against its goal',
    )
    .option('--peers', "compare the JIT with Debian's Linux for arm64 and with native code, in the same QEMU")
    .option(
      '--verifier',
      'the search for certificates here, and their check on a board, over sizes and branches',
    )
    .option(
      '--history [rows]',
      'the history store with so many rows of telemetry, in wall time of this machine; default: five million',
      wholeNumber(640, 100_000_000),
    )
    .option(
      '--flash',
      "a disk image beside dd, and USB boot beside balena's node-raspberrypi-usbboot in a guest with a real USB stack, in wall time of this machine",
    )
    .option(
      '--monitor',
      'what watching costs the line and this machine, in wall time: virtual boards with 64 modules, and fifty simulated ones',
    )
    .option(
      '--loop',
      'from the detection of a slow module to a proven replacement that runs, over eight modules with the shipped model, in wall time of this machine',
    )
    .option(
      '--swaps [number]',
      'so many signed swaps over the line at 10 kHz, with every tick followed and every event matched; default: ten thousand',
      wholeNumber(1, 1_000_000),
    )
    .option(
      '--selftests',
      "the verifier for Linux beside what Linux' own tests of its verifier expect, out of Debian's source of it",
    )
    .option('--vectors', 'what vector helpers execute by size, and from which size they pay beside loops')
    .option(
      '--write',
      'with --peers, --selftests, --vectors or --verifier: renew its pages in docs/reference, and the table that estimates go by',
    )
    .addHelpText('after', '\nExample:\n  velocity bench --board rpi4b --json\n  velocity bench --peers')
    .action(async (options: BenchOptions, command: Command) => {
      const board = boardOptionsOf(command);
      if (options.flash) return benchFlash(context);
      if (options.loop) return benchLoop(context, board);
      if (options.swaps) return benchSwaps(context, board, options.swaps === true ? SWAPS : options.swaps);
      if (options.monitor) return show(context, await monitorMetrics());
      if (options.history) {
        const rows = options.history === true ? HISTORY_ROWS : options.history;
        return show(
          context,
          historyMetrics(rows, (line) => context.output.progress(line)),
        );
      }
      const compared = Object.entries(comparisons).filter(([name]) => name in options);
      if (options.write && compared.length === 0)
        throw new UsageError('--write needs --peers, --selftests, --vectors or --verifier');
      if (compared.length > 1)
        throw new UsageError(
          `${compared.map(([name]) => `--${name}`).join(' and ')} are benchmarks of their own`,
          'run one after the other',
        );
      const [chosen] = compared;
      if (!chosen) return benchKernel(context, board);
      checkPeerBoard(board);
      await chosen[1](context, options.write === true);
    });
};
