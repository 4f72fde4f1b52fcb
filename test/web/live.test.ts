/**
 * Three virtual boards at once, from end to end: one of them is patched while all that a monitor can do with what it is told
 * is done at once. Nothing in it is made up.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { makeCleanup } from '../../cli/cleanup.ts';
import { openSinks } from '../../cli/commands/monitor-sinks.ts';
import { BUDGET_CYCLES, loadModule, MODULE, readTelemetry, settledTelemetry } from '../../cli/demo/scene.ts';
import { Output } from '../../cli/output.ts';
import { findPrometheus } from '../../cli/prometheus.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { stopSolver } from '../../ebpf/prover/index.ts';
import { fileStore, Ledger, Loop, linkBoard, makeSlower, rulesProposer } from '../../evolve/index.ts';
import { findTool } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { openTransport, type VelocityLink } from '../../link/index.ts';
import { BoardReader, type Sink } from '../../monitor/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { parseExposition } from '../monitor/exposition.ts';
import { parsedByOthers, whyNoParser } from '../monitor/parsed.ts';
import { askProcessor, readTrace, traceProcessor, whyNoPerfetto } from '../monitor/perfetto.ts';
import { askUntil, startPrometheus } from '../monitor/prometheus-server.ts';
import { Browser, chromium } from './chromium.ts';
import { pictures, wanted } from './pictures.ts';

test.after.always(() => stopSolver());

const qemu = findTool('qemu');
/** The last one is patched, when the others are up. */
const names = ['rpi3b', 'rpi4b', 'qemu-virt'].filter((name) => !unavailableReason(boardNamed(name), qemu));
const INTERVAL_MS = 250;
/** Readings between two steps: more of them where people look at the charts. */
const READINGS = wanted ? 20 : 3;
const ANY_PORT = { host: '127.0.0.1', port: 0 };
const key = chosenKey();

/** A board and how often it was read. */
type Watched = { readonly link: VelocityLink; readings: number };

const readMore = async (board: Watched) => {
  const enough = board.readings + READINGS;
  while (board.readings < enough) await sleep(INTERVAL_MS / 5);
};

/** What the loop does with the filter: a proven faster version stays, a slower one is taken back by the board. */
const patch = async (board: Watched, ledger: Ledger) => {
  const { link } = board;
  const program = await loadModule(link, key);
  const loop = new Loop({
    board: linkBoard(link),
    ledger,
    key,
    proposers: [rulesProposer],
    canary: { window: 64, ratio: 1000 },
    watchTimeoutMs: 120_000,
  });
  await readMore(board);
  const { cycles, calls } = await settledTelemetry(link);
  const cyclesPerCall = Number(cycles / calls);
  const reason = `${MODULE}: ${cyclesPerCall} cycles per call, above its budget of ${BUDGET_CYCLES}`;
  const detection = { rule: 'over-budget', cyclesPerCall, threshold: BUDGET_CYCLES, calls: 64, reason };
  const { target } = await loop.improve({ name: MODULE, program }, detection);
  await readMore(board);
  await loop.attempt(target, makeSlower(target.program.code), { mustBeCheaper: false });
  await readMore(board);
};

/** Starts a board, and tells `sink` all that is read of it. */
const watch = async (t: ExecutionContext, name: string, sink: Sink): Promise<Watched> => {
  const board = await startBoard(name);
  t.teardown(board.stop);
  const tell: Sink = (entry) => {
    if (entry.kind === 'reading') watched.readings += 1;
    sink(entry);
  };
  const reader = new BoardReader(tell, { intervalMs: INTERVAL_MS, count: Number.POSITIVE_INFINITY });
  const link = await reader.connect(await openTransport(board.address), 120_000);
  const watched: Watched = { link, readings: 0 };
  t.teardown(() => link.close());
  await link.timer(1000);
  const enough = new AbortController();
  t.teardown(() => enough.abort());
  void reader.follow(link, enough.signal).catch(() => {}); // the outputs tell what is missing
  return watched;
};

const outputsIn = (folder: string) => {
  const [record, log, store, ledger, trace] = [
    'run.jsonl',
    'console.log',
    'run.db',
    'ledger.jsonl',
    'run.pftrace',
  ].map((name) => join(folder, name));
  return { record: record!, log: log!, store: store!, ledger: ledger!, trace: trace! };
};

type Outputs = ReturnType<typeof outputsIn>;

/** Everything that `velocity monitor` does besides showing, and the addresses that it serves at. */
const openAll = async (t: ExecutionContext, { record, log, store, ledger }: Outputs) => {
  let said = '';
  const stream = {
    write: (text: string) => {
      said += text;
    },
  };
  const cleanup = makeCleanup();
  const context = { output: new Output(true, stream, stream), cleanup };
  t.teardown(() => cleanup.run());
  const options = { record, log, store, ledger, web: ANY_PORT, metrics: ANY_PORT };
  const sinkOf = await openSinks(context, options);
  const served = jsonLines({ exit: 0, stdout: said, stderr: '' });
  const urlOf = (what: string) => String(served.find((line) => line.what === what)!.url);
  return { sinkOf, web: urlOf('web'), metrics: urlOf('metrics'), close: () => cleanup.run() };
};

/** What the page shows of it; its pictures are those of the documents. */
const checkPage = async (t: ExecutionContext, url: string) => {
  const browser = new Browser(chromium!);
  t.teardown(() => browser.close());
  const page = await browser.page();
  await page.open(url);
  if (names.length > 1) await page.press(`#boards [data-key="${names.at(-1)}"]`);
  const cards = names.length > 1 ? names.length : 0;
  await page.until(`[...document.querySelectorAll('#boards .status.up')].length === ${cards}`);
  await page.says('#events', /fir version 3 taken back \(canary_slower\)/);
  await page.says('#events', /fir version 2 promoted: it pays/);
  await page.press('#events li:nth-last-child(2) .small');
  await page.says('#patch', /fir, version 2.*Proof.*proven.*Outcome.*promoted/s);
  t.deepEqual(page.problems, []);
  await pictures(page, 'monitor');
};

const versionOf = (
  samples: readonly { name: string; labels: Readonly<Record<string, string>> }[],
  port: string,
) =>
  samples.find(({ name, labels }) => name === 'velocity_module_info' && labels.port === port)?.labels.version;

/** What is scraped: by our strict reader, and by Prometheus and its tools where they are at hand. */
const checkMetrics = async (t: ExecutionContext, url: string) => {
  const patched = names.at(-1)!;
  const text = await (await fetch(url, { headers: { Accept: 'application/openmetrics-text' } })).text();
  const info = parseExposition(text).get('velocity_module')!.samples;
  t.deepEqual(
    names.map((port) => versionOf(info, port)),
    names.map((port) => (port === patched ? '2' : '1')),
  );
  if (!whyNoParser) t.is(versionOf(parsedByOthers(text), patched), '2');
  const promtool = findPrometheus('promtool');
  if (promtool) {
    const input = await (await fetch(url)).text();
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
    t.is(status, 0, stdout + stderr);
  }
  if (!findPrometheus('prometheus')) return;
  const ask = await startPrometheus(t, new URL(url).host);
  const up = await askUntil(ask, 'sum(velocity_up)', ([sum]) => sum?.value[1] === String(names.length));
  t.is(up[0]?.value[1], String(names.length));
};

/** What was kept, when the monitor has ended. */
const checkFiles = async (t: ExecutionContext, { record, log, store, trace }: Outputs) => {
  const patched = names.at(-1)!;
  const replayed = jsonLines(await velocity('monitor', '--replay', record, '--speed', '0', '--json'));
  t.deepEqual([...new Set(replayed.map(({ port }) => port))].sort(), [...names].sort());
  const happened = replayed.filter(({ event, port }) => event === 'board' && port === patched);
  t.true(happened.some(({ kind, version }) => kind === 'promoted' && version === 2));
  t.true(happened.some(({ kind, version }) => kind === 'rolled_back' && version === 3));
  const runs = jsonLines(await velocity('history', 'list', '--store', store, '--json'));
  t.deepEqual(runs.flatMap(({ event, port }) => (event === 'run' ? [port] : [])).sort(), [...names].sort());
  for (const name of names)
    t.regex(readFileSync(log, 'utf8'), new RegExp(`Z ${name}: velocity .* ready on `));
  const made = await velocity('trace', '--perfetto', trace, '--replay', record);
  t.is(made.exit, 0, made.stderr);
};

/** The trace has a process for each board, and what happened on the patched one. */
const checkTrace = (t: ExecutionContext, path: string) => {
  const { processes, slices, instants, counters } = readTrace(path);
  t.deepEqual(processes.map((name) => name.split(':')[0]!).sort(), [...names].sort());
  const onPatched = <T extends { process: string }>(list: readonly T[]) =>
    list.filter(({ process: name }) => name.startsWith(`${names.at(-1)}:`));
  t.true(onPatched(slices).some(({ track, name, ns }) => track === MODULE && name === 'v2' && ns > 0));
  t.true(onPatched(instants).some(({ name }) => name === 'rolled_back v3'));
  t.true(Object.keys(counters).filter((name) => name.endsWith(`/ ${MODULE} cost`)).length === names.length);
  if (!traceProcessor)
    return t.log('trace_processor_shell is not here; set VELOCITY_TRACE_PROCESSOR to its path');
  const said = askProcessor(path, 'SELECT name FROM process ORDER BY name;');
  for (const name of processes) t.true(said.includes(name), said);
};

(chromium && names.length > 0 ? test : test.skip)(
  'three boards are watched from end to end while one of them is patched',
  async (t) => {
    t.timeout(1_800_000); // it may build the kernel and the WebAssembly first
    const outputs = outputsIn(temporaryFolder());
    const { sinkOf, web, metrics, close } = await openAll(t, outputs);
    const sinks = names.map(sinkOf); // all are known before the first one speaks
    const boards: Watched[] = [];
    for (const [i, name] of names.entries()) boards.push(await watch(t, name, sinks[i]!));
    const last = boards.at(-1)!;
    for (const { link } of boards.slice(0, -1)) await loadModule(link, key);
    await patch(last, new Ledger(fileStore(outputs.ledger)));
    t.is((await readTelemetry(last.link)).version, 2);
    await checkMetrics(t, metrics);
    await checkPage(t, web);
    await close();
    await checkFiles(t, outputs);
    if (whyNoPerfetto) t.log(whyNoPerfetto);
    else checkTrace(t, outputs.trace);
  },
);
