/** The flasher's page in a headless Chromium, against emulated boards; everything is done by keyboard. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { flashRoutes } from '../../cli/web/flash/routes.ts';
import { makeManifest } from '../../firmware/manifest.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { signImage } from '../../firmware/update.ts';
import { updateFile } from '../../firmware/update-file.ts';
import type { Transport } from '../../link/index.ts';
import { boardInfo, fakeBoard, type Handlers } from '../../link/test/fake-board.ts';
import { type Served, serve } from '../../monitor/index.ts';
import {
  BootRom,
  type BootRomOptions,
  EmulatedBus,
  FastbootDevice,
  fastbootUsb,
  Stall,
  UBootBoard,
} from '../../rig/emulated/index.ts';
import { EmulatedKernel } from '../flash/kernel.ts';
import { Browser, chromium } from './chromium.ts';
import { Devices, type OpenPort } from './devices.ts';
import type { Page } from './page.ts';

const BUILD = 'ab'.repeat(20);
const image = Buffer.from(Array.from({ length: 150_000 }, (_, i) => ((i * 13) ^ (i >> 7)) & 0xff));
const key = chosenKey();
const folder = temporaryFolder();

const manifestFor = (boardClass: string, bytes: Buffer, sequence = 0n) => {
  const facts = {
    board_class: boardClass,
    memory_bytes: 1 << 20,
    build: BUILD,
    version: '0.1.0',
    sequence,
  };
  return makeManifest({
    signed: signImage(bytes, facts, key),
    measuredBytes: bytes.length,
    version: facts.version,
    buildId: BUILD,
    file: 'Image',
    image: bytes,
    memoryBytes: facts.memory_bytes,
    publicKey: key.publicKey,
  });
};
const manifest = manifestFor('aarch64', image);
const update = updateFile(image, Buffer.from(manifest.signed, 'base64'));
const updateAnew = updateFile(image, Buffer.from(manifestFor('aarch64', image, 1n).signed, 'base64'));

const firmwareDir = join(folder, 'firmware');
mkdirSync(firmwareDir);
for (const [name, bytes] of [
  ['bootcode4.bin', 3000],
  ['start4.elf', 90_000],
  ['fixup4.dat', 90],
] as const)
  writeFileSync(join(firmwareDir, name), Buffer.alloc(bytes, 4));

let browser: Browser;
let server: Served;

test.before(async (t) => {
  t.timeout(300_000);
  if (!chromium) return;
  browser = new Browser(chromium);
  const routes = await flashRoutes({
    manifest: JSON.stringify(manifest),
    image,
    update: () => update,
    updateAnew: () => updateAnew,
    key: key.publicKey,
    trees: {},
    firmwareDir,
  });
  server = await serve({ host: '127.0.0.1', port: 0 }, routes);
});

test.after.always(async () => {
  await browser?.close();
  await server?.close();
});

type Bench = { readonly page: Page; readonly devices: Devices };

const open = async (
  t: ExecutionContext,
  bus: EmulatedBus,
  ports: readonly OpenPort[] = [],
): Promise<Bench> => {
  t.timeout(300_000);
  const page = await browser.page();
  const devices = new Devices(page, bus, ports);
  t.teardown(() => devices.close());
  await devices.attach();
  await page.open(server.url);
  await page.says('#image', new RegExp(manifest.image.sha256));
  return { page, devices };
};

const inBrowser = (title: string, body: (t: ExecutionContext) => Promise<void>) =>
  (chromium ? test.serial : test.serial.skip)(title, body);

/** A board's serial line, which says what such a board says when it is up. */
const running =
  (handlers: Handlers = {}): OpenPort =>
  (): Transport => {
    const { transport, line } = fakeBoard({
      info: () => ({ ...boardInfo, build: BUILD }),
      measured: () => ({
        root: Buffer.from(manifest.measured.root, 'hex'),
        bytes: image.length,
        image_root: new Uint8Array(0),
        slot: 2,
        confirm_in_s: 0,
        storage: false,
      }),
      ...handlers,
    });
    void line.write(Buffer.from(`velocity 0.1.0 ${BUILD} ready on Raspberry Pi 4 Model B\n`));
    return transport;
  };

const plugged = (options: BootRomOptions = {}) => {
  const bus = new EmulatedBus();
  const rom = new BootRom('BCM2711', bus, options);
  rom.plugIn();
  return { bus, rom };
};

const pick = (page: Page, board: string) =>
  page.evaluate(
    `{ const select = document.getElementById('board'); select.value = '${board}'; select.dispatchEvent(new Event('change')); }`,
  );

/** To a browser the second stage is another device, which is not there at once: a person tries until it goes on. */
const allowAgain = async (page: Page) => {
  await page.until(`!document.getElementById('again-row').hidden`);
  for (;;) {
    await page.press('#again');
    const goesOn = `document.getElementById('again-row').hidden`;
    if (await page.within(1000, goesOn)) return;
  }
};

const noProblem = (page: Page) => page.until(`document.getElementById('problem').hidden`);

inBrowser('a board on USB is found, flashed through both stages and seen to run', async (t) => {
  const { bus, rom } = plugged();
  const { page } = await open(t, bus, [running()]);
  await page.press('#choose-usb');
  await page.says('#found', /BCM2711 in USB boot mode.*USB 0a5c:2711/);
  await pick(page, 'rpi4b');
  await page.press('#choose-line');
  await page.says('#console', /ready on Raspberry Pi 4 Model B/);
  await page.press('#flash');
  await allowAgain(page);
  await page.says(
    '#result',
    new RegExp(`^rpi4b runs velocity ${BUILD}, and what it measures of itself is what was written$`),
  );
  t.true(Buffer.from(rom.received.get('kernel8.img')!).equals(image));
  t.regex(
    await page.text('#log'),
    /BCM2711: boot ROM.*sent bootcode4\.bin.*second stage.*sent kernel8\.img: 150,000 bytes/s,
  );
  await noProblem(page);
  t.deepEqual(page.problems, []);
  t.deepEqual(
    page.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:')),
    [],
  );
});

inBrowser('every control of the page has a name', async (t) => {
  const { page } = await open(t, new EmulatedBus());
  const controls = await page.controls();
  t.true(controls.length >= 5, JSON.stringify(controls));
  t.deepEqual(
    controls.filter(({ name }) => name === ''),
    [],
  );
});

inBrowser('a board in fastboot mode takes the image into a partition', async (t) => {
  const bus = new EmulatedBus();
  const device = new FastbootDevice();
  bus.attach(fastbootUsb(device), '1-1');
  const { page } = await open(t, bus);
  await page.press('#choose-usb');
  await page.says('#found', /board in fastboot mode/);
  await page.press('input[value="partition"]', 'space');
  await page.press('#flash');
  await page.says('#result', /is written; choose its serial line/);
  t.true(device.partitions.get('boot')!.subarray(0, image.length).equals(image));
  t.deepEqual(page.problems, []);
});

inBrowser(
  'a board that is unplugged in the middle is named with the next step, and the second try works',
  async (t) => {
    const { bus, rom } = plugged({ fault: { kind: 'unplug', at: 20 } });
    const { page } = await open(t, bus, [running()]);
    await page.press('#choose-usb');
    await page.says('#found', /BCM2711/);
    await pick(page, 'cm4');
    await page.press('#flash');
    await allowAgain(page);
    await page.says(
      '#problem',
      /USB 0a5c:2711 on this computer: went away while.*Next: check cable and power.*code: unplugged/s,
    );
    await page.says('#status', /Choose a board first/);
    t.is(await page.text('#result'), '');
    const second = new BootRom('BCM2711', bus);
    second.plugIn();
    await page.press('#choose-usb');
    await page.says('#found', /BCM2711/);
    await pick(page, 'cm4');
    await page.press('#choose-line');
    await page.press('#flash');
    await allowAgain(page);
    await page.says('#result', new RegExp(`^cm4 runs velocity ${BUILD}`));
    await noProblem(page);
    t.false(rom.booted);
    t.true(second.booted);
  },
);

inBrowser('a board that refuses a transfer is told to be powered off', async (t) => {
  const { bus } = plugged({ fault: { kind: 'stall', at: 3 } });
  const { page } = await open(t, bus);
  await page.press('#choose-usb');
  await page.press('#flash');
  await t.notThrowsAsync(page.says('#problem', /refused a transfer.*power it off.*code: stalled/s));
});

const put = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

inBrowser(
  'images of other boards, of other keys and damaged ones are refused, and the right one then works',
  async (t) => {
    const bus = new EmulatedBus();
    const device = new FastbootDevice({ maxDownloadBytes: 1 << 20 });
    bus.attach(fastbootUsb(device), '1-1');
    const { page } = await open(t, bus);
    await page.press('#choose-usb');
    const good = put('Image', image);
    await page.choose('#files', [put('other.json', JSON.stringify(manifestFor('riscv64', image))), good]);
    await page.says('#image', /SHA-256/);
    await page.press('#flash');
    await page.says(
      '#problem',
      /other\.json: is for boards of the class riscv64; .* is aarch64.*code: bad_image/s,
    );
    t.deepEqual(device.commands, []);
    const another = { ...manifest, signed: manifestFor('aarch64', image.subarray(1)).signed };
    await page.choose('#files', [put('another.json', JSON.stringify(another)), good]);
    await page.says('#problem', /signs another image than this/);
    const flipped = Buffer.from(manifest.signed, 'base64');
    flipped[flipped.length - 1]! ^= 1;
    const forged = { ...manifest, signed: flipped.toString('base64') };
    await page.choose('#files', [put('forged.json', JSON.stringify(forged)), good]);
    await page.says('#problem', /has a signature that does not hold/);
    await page.choose('#files', [put('manifest.json', JSON.stringify(manifest))]);
    await page.says('#problem', /names Image: choose that file as well/);
    t.true(await page.evaluate(`document.getElementById('flash').disabled`));
    await page.choose('#files', [join(folder, 'manifest.json'), good]);
    await noProblem(page);
    await page.press('#flash');
    await page.says('#result', /is written/);
    t.true(device.started!.equals(image));
  },
);

inBrowser('a board that runs something else than it was sent is not done', async (t) => {
  const { bus } = plugged();
  const other = 'cd'.repeat(20);
  const { page } = await open(t, bus, [running({ info: () => ({ ...boardInfo, build: other }) })]);
  await page.press('#choose-usb');
  await page.press('#flash');
  await allowAgain(page);
  await page.press('#choose-line');
  await page.says(
    '#problem',
    new RegExp(`runs build ${other}, and ${BUILD} was written.*take other cards`, 's'),
  );
  await t.notThrowsAsync(page.says('#result', /was not seen to run it/));
});

inBrowser('a Jetson in recovery mode is answered with the steps for that module', async (t) => {
  const bus = new EmulatedBus();
  const nothing = () => Promise.reject(new Stall());
  bus.attach(
    {
      descriptor: {
        ids: { vendor: 0x0955, product: 0x7523 },
        serialIndex: 0,
        deviceClass: { code: 0, subclass: 0, protocol: 0 },
        interfaces: [],
      },
      controlOut: nothing,
      controlIn: nothing,
      bulkOut: nothing,
      bulkIn: nothing,
    },
    '1-1',
  );
  const { page } = await open(t, bus);
  await page.press('#choose-usb');
  await page.says(
    '#steps-box',
    /Jetson Orin Nano in recovery mode \(APX\): what to do.*NVIDIA's own tools.*velocity flash/s,
  );
  t.true(await page.evaluate(`document.getElementById('flash').disabled`));
});

inBrowser('a board at its U-Boot prompt takes the image over the serial line', async (t) => {
  const uBoot = new UBootBoard();
  const opened: OpenPort[] = [() => uBootLine(new UBootBoard()), () => uBootLine(uBoot), running()];
  const next: OpenPort = () => opened.shift()!();
  const { page } = await open(t, new EmulatedBus(), [next]);
  await page.press('#choose-line');
  await page.says('#found', /U-Boot prompt: send the image over the serial line/);
  await page.press('#flash');
  await page.says('#result', new RegExp(`runs velocity ${BUILD}`));
  t.true(uBoot.memory.equals(image));
  t.true(uBoot.started);
});

inBrowser('a kernel that runs takes the image into its memory, after it refused to start it', async (t) => {
  const kernel = new EmulatedKernel(BUILD);
  kernel.build = 'cd'.repeat(20);
  const opened: OpenPort[] = [() => kernel.plug({ kind: 'not-started' }), () => kernel.plug()];
  const { page } = await open(t, new EmulatedBus(), [() => opened.shift()!()]);
  await page.press('#choose-line');
  await page.says('#found', /U-Boot prompt.*velocity runs: send the image/s);
  await page.press('input[name="target"][value="1"]', 'space');
  await page.press('#flash');
  await page.says(
    '#problem',
    /a core does not let go of what it does.*Next: the kernel from before goes on; restart the board.*code: refused/s,
  );
  t.is(await page.text('#result'), '');
  t.is(kernel.starts, 1);
  await page.press('#choose-line');
  while (opened.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await page.until(`!document.getElementById('flash').disabled`);
  await page.press('#flash');
  await page.says(
    '#result',
    new RegExp(`^Raspberry Pi 4 Model B runs velocity ${BUILD}, from memory: a reset brings the one before`),
  );
  t.true(kernel.received.equals(update));
  t.is(kernel.starts, 2);
  await noProblem(page);
  t.deepEqual(page.problems, []);
});

inBrowser('an update that a kernel refuses as older is signed anew for the next try', async (t) => {
  const kernel = new EmulatedKernel(BUILD);
  kernel.build = 'cd'.repeat(20);
  const opened: OpenPort[] = [() => kernel.plug({ kind: 'older' }), () => kernel.plug()];
  const { page } = await open(t, new EmulatedBus(), [() => opened.shift()!()]);
  await page.press('#choose-line');
  await page.says('#found', /velocity runs: send the image/);
  await page.press('input[name="target"][value="1"]', 'space');
  await page.press('#flash');
  await page.says('#problem', /older_sequence.*code: refused/s);
  t.true(kernel.received.equals(update));
  await page.press('#choose-line');
  while (opened.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await page.until(`!document.getElementById('flash').disabled`);
  await page.press('#flash');
  await page.says('#result', new RegExp(`runs velocity ${BUILD}`));
  t.true(kernel.received.equals(updateAnew));
});

inBrowser('a line on which nothing runs is said to have nothing, with the ways on', async (t) => {
  const silent: OpenPort = () => new EmulatedKernel(BUILD).plug({ kind: 'silent', at: 0 });
  const { page } = await open(t, new EmulatedBus(), [silent]);
  await page.press('#choose-line');
  await page.says('#found', /velocity runs/);
  await page.press('input[name="target"][value="1"]', 'space');
  await page.press('#flash');
  await t.notThrowsAsync(
    page.says(
      '#problem',
      /no running velocity kernel answers.*U-Boot prompt choose that above.*code: timeout/s,
    ),
  );
});

/** The emulated U-Boot as a line that can be closed. */
const uBootLine = (board: UBootBoard): Transport => ({
  write: (data) => board.write(data),
  onData: (listener) => board.onData(listener),
  onClose: (listener) => board.onClose(listener),
  describe: () => board.describe(),
  close: async () => {},
});
