/** The timeline of patches on the monitor's page: the ledger of a real loop on an emulated board, shown in Chromium. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { patchRoutes } from '../../cli/web/patches.ts';
import { stopSolver } from '../../ebpf/prover/index.ts';
import { Ledger, Loop, makeUnsafe, memoryStore, rulesProposer } from '../../evolve/index.ts';
import { EmulatedBoard } from '../../evolve/test/emulated-board.ts';
import { program } from '../../evolve/test/sum-program.ts';
import { makeHub, serve, webRoutes } from '../../monitor/index.ts';
import { Browser, chromium } from './chromium.ts';
import { scene } from './scene.ts';

test.after.always(() => stopSolver());

const folder = temporaryFolder();
const file = join(folder, 'ledger.jsonl');

/** One proposal that is refused, one that is proven and stays. */
const ledgerText = async (): Promise<string> => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const store = memoryStore();
  const loop = new Loop({
    board: new EmulatedBoard('sum', program).port(),
    ledger: new Ledger(store),
    key: { privateKey, publicKey: new Uint8Array(32) },
    proposers: [rulesProposer],
    watchTimeoutMs: 60_000,
  });
  const target = { name: 'sum', program };
  await loop.attempt(target, await makeUnsafe(program));
  const reason = 'sum: 239 cycles per call over 65 calls, above its budget of 150';
  await loop.improve(target, { rule: 'over-budget', cyclesPerCall: 239, threshold: 150, calls: 65, reason });
  return store.text;
};

const open = async (t: ExecutionContext, content: string) => {
  t.timeout(600_000);
  writeFileSync(file, content);
  const hub = makeHub();
  const server = await serve(
    { host: '127.0.0.1', port: 0 },
    { ...webRoutes(), ...patchRoutes(file) },
    hub.sockets,
  );
  const browser = new Browser(chromium!);
  t.teardown(async () => {
    await browser.close();
    await server.close();
  });
  const now = Date.now();
  for (const [port, model] of [
    ['/dev/ttyUSB0', 'Raspberry Pi 4 Model B'],
    ['/dev/ttyUSB1', 'Raspberry Pi 5'],
  ] as const) {
    const sink = hub.board(port);
    for (const entry of scene('sum', model, now)) sink(entry);
  }
  hub.board('/dev/ttyUSB2')({ kind: 'down', time_ms: now, why: '/dev/ttyUSB2: the connection went away' });
  const page = await browser.page();
  await page.size(1280, 900);
  await page.open(server.url);
  return { page, server };
};

(chromium ? test : test.skip)(
  'a patch is explained from the ledger: what it changes, its proof and where it came from',
  async (t) => {
    const text = await ledgerText();
    const { page, server } = await open(t, `${text}{"seq":99,"cut`);
    await page.says('#patches-note', /^2 of 2$/);
    await page.press('#events .small'); // the newest event that a patch is known of
    await page.says('#patch', /sum, version 2.*rules: .*Proof.*proven, .*Proof hash.*[0-9a-f]{64}/s);
    await page.says(
      '#patch',
      /Answers.*above its budget of 150.*Worst case.*→.*instructions.*Ledger.*line 3/s,
    );
    const captions = await page.evaluate<string[]>(
      `[...document.querySelectorAll('#patch caption')].map((c) => c.textContent)`,
    );
    t.regex(captions[0]!, /^eBPF: \d+ → \d+ instructions$/);
    t.regex(captions[1]!, /^A64: \d+ → \d+ instructions$/);
    await page.until(
      `document.querySelector('#patch td.removed') && document.querySelector('#patch td.added')`,
    );
    t.true(await page.evaluate(`document.activeElement.id === 'patch'`));
    await page.evaluate(`document.getElementById('patch-search').focus()`);
    for (const key of 'refused') await page.key(key);
    await page.says('#patches-note', /^1 of 2$/);
    await page.press('#patches button');
    await page.says('#patch', /refused by the layer verifier/);
    t.deepEqual(page.problems, []);
    t.deepEqual(
      (await page.controls()).filter(({ name }) => name === ''),
      [],
    );
    const bad = await fetch(`${server.url}/patch.json?line=9`);
    t.is(bad.status, 422);
    t.regex(await bad.text(), /the ledger has no proposal 9/);
    writeFileSync(file, text.replace('"version":1', '"version":7'));
    t.regex(
      await (await fetch(`${server.url}/patches.json`)).text(),
      /ledger\.jsonl, line \d+: does not follow/,
    );
  },
);
