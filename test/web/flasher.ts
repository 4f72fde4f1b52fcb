/** The flasher's page in a headless Chromium, and what it flashes: everything is done by keyboard. */
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
import { BootRom, type BootRomOptions, EmulatedBus } from '../../rig/emulated/index.ts';
import { Browser, chromium } from './chromium.ts';
import { Devices, type OpenPort } from './devices.ts';
import type { Page } from './page.ts';

export const BUILD = 'ab'.repeat(20);
export const image = Buffer.from(Array.from({ length: 150_000 }, (_, i) => ((i * 13) ^ (i >> 7)) & 0xff));
const key = chosenKey();
export const folder = temporaryFolder();

export const manifestFor = (boardClass: string, bytes: Buffer, sequence = 0n) => {
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
export const manifest = manifestFor('aarch64', image);
export const update = updateFile(image, Buffer.from(manifest.signed, 'base64'));
export const updateAnew = updateFile(image, Buffer.from(manifestFor('aarch64', image, 1n).signed, 'base64'));

const firmwareDir = join(folder, 'firmware');
mkdirSync(firmwareDir);
for (const [name, bytes] of [
  ['bootcode4.bin', 3000],
  ['start4.elf', 90_000],
  ['fixup4.dat', 90],
  ['bcm2711-rpi-cm4.dtb', 400],
] as const)
  writeFileSync(join(firmwareDir, name), Buffer.alloc(bytes, 4));

let browser: Browser;
let server: Served;
/** Where the page is served. */
export const address = () => server.url;

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

export const open = async (
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

export const inBrowser = (title: string, body: (t: ExecutionContext) => Promise<void>) =>
  (chromium ? test.serial : test.serial.skip)(title, body);

/** A board's serial line, which says what such a board says when it is up. */
export const running =
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

export const plugged = (options: BootRomOptions = {}) => {
  const bus = new EmulatedBus();
  const rom = new BootRom('BCM2711', bus, options);
  rom.plugIn();
  return { bus, rom };
};

export const pick = (page: Page, board: string) =>
  page.evaluate(
    `{ const select = document.getElementById('board'); select.value = '${board}'; select.dispatchEvent(new Event('change')); }`,
  );

/** To a browser the second stage is another device, which is not there at once: a person tries until it goes on. */
export const allowAgain = async (page: Page) => {
  await page.until(`!document.getElementById('again-row').hidden`);
  for (;;) {
    await page.press('#again');
    const goesOn = `document.getElementById('again-row').hidden`;
    if (await page.within(1000, goesOn)) return;
  }
};

export const noProblem = (page: Page) => page.until(`document.getElementById('problem').hidden`);
