/** The monitor's page in a headless Chromium: served, with several boards, and on its own over Web Serial. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { pageScript } from '../../cli/web/files.ts';
import { patchRoutes } from '../../cli/web/patches.ts';
import { findTool } from '../../firmware/index.ts';
import { openTransport } from '../../link/index.ts';
import { type Hub, makeHub, type Served, serve, staticPage, webRoutes } from '../../monitor/index.ts';
import { entries } from '../../monitor/test/samples.ts';
import { EmulatedBus } from '../../rig/emulated/index.ts';
import { Browser, chromium } from '../web/chromium.ts';
import { Devices } from '../web/devices.ts';

let browser: Browser;
let server: Served;
let hub: Hub;

const servePage = (of: Hub, port = 0) =>
  serve(
    { host: '127.0.0.1', port },
    { ...webRoutes(), ...patchRoutes(join(temporaryFolder(), 'no-ledger.jsonl')) },
    of.sockets,
  );

test.before(async (t) => {
  t.timeout(300_000);
  if (!chromium) return;
  browser = new Browser(chromium);
  hub = makeHub();
  server = await servePage(hub);
});

test.after.always(async () => {
  await browser?.close();
  await server?.close();
});

const inBrowser = (title: string, body: (t: ExecutionContext) => Promise<void>) =>
  (chromium ? test.serial : test.serial.skip)(title, body);

const newPage = async (t: ExecutionContext) => {
  t.timeout(300_000);
  return browser.page();
};

inBrowser('the page shows in a browser what the board told', async (t) => {
  const page = await newPage(t);
  const sink = hub.board('/dev/ttyUSB0');
  for (const entry of entries.slice(0, 4)) sink(entry);
  await page.open(server.url);
  await page.says('#status', /live/);
  await page.until(
    `document.querySelector('tr[aria-selected="true"]')?.textContent.includes('2 · cdcdcdcd')`,
  );
  await page.says('#events', /fir version 3 taken back/);
  await page.until(`document.querySelector('.heat')`);
  await page.says('#console', /ready on <b>/);
  t.true(await page.evaluate(`document.getElementById('boards').hidden`));
  t.deepEqual(page.problems, []);
  t.deepEqual(
    (await page.controls()).filter(({ name }) => name === ''),
    [],
  );
});

inBrowser(
  'several boards stand beside each other, and each loses and finds its connection alone',
  async (t) => {
    const page = await newPage(t);
    await page.open(server.url);
    const second = hub.board('/dev/ttyUSB1');
    for (const entry of entries) second(entry);
    await page.until(`document.querySelectorAll('#boards [role="tab"]').length === 2`);
    await page.says('#boards [data-key="/dev/ttyUSB1"]', /ttyUSB1.*unplugged.*1 module/);
    await page.says('#status', /live/);
    await page.press('#boards [data-key="/dev/ttyUSB0"]', 'right');
    await page.says('#status', /unplugged/);
    t.is(await page.evaluate('document.activeElement.dataset.key'), '/dev/ttyUSB1');
    second({ ...entries[3]!, time_ms: entries[3]!.time_ms + 5000 });
    await page.says('#status', /live/);
    t.deepEqual(page.problems, []);
  },
);

inBrowser('the page finds a monitor that was started again', async (t) => {
  const page = await newPage(t);
  const first = makeHub();
  const monitor = await servePage(first);
  const before = first.board('before');
  for (const entry of entries.slice(0, 2)) before(entry);
  await page.open(monitor.url);
  await page.says('#status', /live/);
  await monitor.close();
  await page.says('#status', /the monitor does not answer/);
  const second = makeHub();
  const after = second.board('after');
  for (const entry of entries.slice(0, 2)) after(entry);
  const port = Number(new URL(monitor.url).port);
  const again = await servePage(second, port);
  t.teardown(again.close);
  await page.says('#status', /live/);
  await page.until(`document.querySelector('#boards [data-key]')?.dataset.key === 'after'`);
  t.true(
    page.problems.every((problem) => problem.includes('WebSocket')),
    page.problems.join(),
  );
});

inBrowser('the page alone is one file that nothing is fetched for', async (t) => {
  const folder = temporaryFolder();
  const file = join(folder, 'board.html');
  writeFileSync(file, staticPage(await pageScript('serial')));
  t.notRegex(readFileSync(file, 'utf8'), /(?:src|href)="(?!data:)/);
  const page = await newPage(t);
  await page.open(pathToFileURL(file).href);
  await page.says('#welcome', /Connect a board by its serial line|no Web Serial/);
  t.deepEqual(page.problems, []);
  t.deepEqual(
    page.requests.filter((url) => url !== pathToFileURL(file).href && !url.startsWith('data:')),
    [],
  );
});

const onEmulator: typeof inBrowser = (title, body) =>
  findTool('qemu') ? inBrowser(title, body) : test.serial.skip(title, body);

onEmulator(
  'the page alone reads a virtual board over Web Serial, and again after the adapter was unplugged',
  async (t) => {
    const page = await newPage(t);
    t.timeout(600_000); // it may build the kernel first
    const board = await startBoard('qemu-virt');
    t.teardown(board.stop);
    const opened: Awaited<ReturnType<typeof openTransport>>[] = [];
    const openPort = async () => {
      const transport = await openTransport(board.address);
      opened.push(transport);
      return transport;
    };
    const devices = new Devices(page, new EmulatedBus(), [openPort]);
    t.teardown(() => devices.close());
    await devices.attach();
    const file = join(temporaryFolder(), 'board.html');
    writeFileSync(file, staticPage(await pageScript('serial')));
    await page.open(pathToFileURL(file).href);
    await page.press('#connect');
    await page.says('#board', /linux,dummy-virt/);
    await page.says('#status', /live/);
    await page.says('#console', new RegExp(`${board.manifest.build.slice(0, 12)}.* ready on `));
    await page.says('#no-modules', /No module is installed/);
    devices.unplugPort(0);
    await page.says('#status', /went away/);
    await page.until(`document.getElementById('status').textContent === 'live'`);
    t.true(opened.length >= 2);
    t.deepEqual(page.problems, []);
  },
);
