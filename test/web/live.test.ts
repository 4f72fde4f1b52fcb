/** Three virtual boards at once on the monitor's page, one of them while the loop patches it: nothing on it is made up. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { BUDGET_CYCLES, loadModule, MODULE, readTelemetry, settledTelemetry } from '../../cli/demo/scene.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { patchRoutes } from '../../cli/web/patches.ts';
import { stopSolver } from '../../ebpf/prover/index.ts';
import { fileStore, Ledger, Loop, linkBoard, makeSlower, rulesProposer } from '../../evolve/index.ts';
import { findTool } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { openTransport, type VelocityLink } from '../../link/index.ts';
import { BoardReader, type Hub, makeHub, type Sink, serve, webRoutes } from '../../monitor/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { Browser, chromium } from './chromium.ts';
import { pictures } from './pictures.ts';

test.after.always(() => stopSolver());

const qemu = findTool('qemu');
/** The last one is patched, when the others are up. */
const names = ['rpi3b', 'rpi4b', 'qemu-virt'].filter((name) => !unavailableReason(boardNamed(name), qemu));
const INTERVAL_MS = 500;
const key = chosenKey();

const cyclesOf = async (link: VelocityLink) => {
  const { cycles, calls } = await settledTelemetry(link);
  return Number(cycles / calls);
};

/** A board and how often it was read. */
type Watched = { readonly link: VelocityLink; readings: number };

/** Some readings, so that the charts show it. */
const readMore = async (board: Watched) => {
  const enough = board.readings + 8;
  while (board.readings < enough) await sleep(INTERVAL_MS);
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
  const cyclesPerCall = await cyclesOf(link);
  const reason = `${MODULE}: ${cyclesPerCall} cycles per call, above its budget of ${BUDGET_CYCLES}`;
  const detection = { rule: 'over-budget', cyclesPerCall, threshold: BUDGET_CYCLES, calls: 64, reason };
  const { target } = await loop.improve({ name: MODULE, program }, detection);
  await readMore(board);
  await loop.attempt(target, makeSlower(target.program.code), { mustBeCheaper: false });
  await readMore(board);
};

/** Starts a board and lets the page know all that is read of it. */
const watch = async (t: ExecutionContext, hub: Hub, name: string): Promise<Watched> => {
  const board = await startBoard(name);
  t.teardown(board.stop);
  const tell = hub.board(name);
  const sink: Sink = (entry) => {
    if (entry.kind === 'reading') watched.readings += 1;
    tell(entry);
  };
  const reader = new BoardReader(sink, { intervalMs: INTERVAL_MS, count: Number.POSITIVE_INFINITY });
  const link = await reader.connect(await openTransport(board.address), 120_000);
  const watched: Watched = { link, readings: 0 };
  t.teardown(() => link.close());
  await link.timer(1000);
  const enough = new AbortController();
  t.teardown(() => enough.abort());
  void reader.follow(link, enough.signal).catch(() => {}); // the page tells what is missing
  return watched;
};

(chromium && names.length > 0 ? test : test.skip)(
  'three boards are watched while one of them is patched',
  async (t) => {
    t.timeout(1_800_000); // it may build the kernel and the WebAssembly first
    const file = join(temporaryFolder(), 'ledger.jsonl');
    const hub = makeHub();
    const server = await serve(
      { host: '127.0.0.1', port: 0 },
      { ...webRoutes(), ...patchRoutes(file) },
      hub.sockets,
    );
    t.teardown(server.close);
    const browser = new Browser(chromium!);
    t.teardown(() => browser.close());
    const page = await browser.page();
    await page.open(server.url);

    const boards: Watched[] = [];
    for (const name of names) boards.push(await watch(t, hub, name));
    const last = boards.at(-1)!;
    for (const { link } of boards.slice(0, -1)) await loadModule(link, key);
    await patch(last, new Ledger(fileStore(file)));

    if (names.length > 1) await page.press(`#boards [data-key="${names.at(-1)}"]`);
    await page.until(
      `[...document.querySelectorAll('#boards .status.up')].length === ${names.length > 1 ? names.length : 0}`,
    );
    await page.says('#events', /fir version 3 taken back \(canary_slower\)/);
    await page.says('#events', /fir version 2 promoted: it pays/);
    await page.press('#events li:nth-last-child(2) .small');
    await page.says('#patch', /fir, version 2.*Proof.*proven.*Outcome.*promoted/s);
    const { version } = await readTelemetry(last.link);
    t.is(version, 2);
    t.deepEqual(page.problems, []);
    await pictures(page, 'monitor');
  },
);
