/** The whole way in one: a browser flashes an emulated boot ROM, QEMU starts the very bytes that it was sent, and the page sees it run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { makeCleanup } from '../../cli/cleanup.ts';
import { flashWeb } from '../../cli/flash/web.ts';
import { Output } from '../../cli/output.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { buildFor } from '../../cli/virtual.ts';
import { findTool, requireTool } from '../../firmware/index.ts';
import { sha256 } from '../../flasher/index.ts';
import { openTransport } from '../../link/index.ts';
import { BootRom, EmulatedBus } from '../../rig/emulated/index.ts';
import { startVirtualBoard, unavailableReason } from '../../rig/index.ts';
import { Browser, chromium } from './chromium.ts';
import { Devices } from './devices.ts';
import { pictures } from './pictures.ts';

const board = boardNamed('rpi4b');
const canRun = chromium && unavailableReason(board, findTool('qemu')) === undefined;

/** `velocity flash --web`, until its address is known. */
const serveFlasher = async (firmwareDir: string) => {
  const cleanup = makeCleanup();
  let said = '';
  const stream = {
    write: (text: string) => {
      said += text;
    },
  };
  const output = new Output(true, stream, stream);
  const running = flashWeb({ output, cleanup }, { host: '127.0.0.1', port: 0 }, { firmwareDir });
  while (!said.includes('"serving"')) await Promise.race([running, new Promise((r) => setTimeout(r, 50))]);
  const stop = async () => {
    cleanup.abort();
    await running;
    await cleanup.run();
  };
  return { url: /http:[^"]+/.exec(said)![0], stop };
};

(canRun ? test : test.skip)(
  'what a browser sent to a board is what starts, by its own measure',
  async (t) => {
    t.timeout(1_800_000); // it may build the kernel and the WebAssembly first
    const folder = temporaryFolder();
    const firmware = join(folder, 'firmware');
    mkdirSync(firmware);
    for (const name of ['bootcode4.bin', 'start4.elf', 'fixup4.dat'])
      writeFileSync(join(firmware, name), Buffer.alloc(2000, 4));
    const server = await serveFlasher(firmware);
    t.teardown(server.stop);
    const { dtb, manifest } = await buildFor(board, () => {});
    const bus = new EmulatedBus();
    const rom = new BootRom('BCM2711', bus);
    rom.plugIn();

    /** The board: started from what the emulated ROM received. */
    const start = async () => {
      const image = join(folder, 'received.img');
      writeFileSync(image, rom.received.get('kernel8.img')!);
      const running = await startVirtualBoard({ board, image, qemu: requireTool('qemu'), dtb: dtb! });
      t.teardown(running.stop);
      return openTransport(running.address);
    };
    const browser = new Browser(chromium!);
    t.teardown(() => browser.close());
    const page = await browser.page();
    const devices = new Devices(page, bus, [start]);
    t.teardown(() => devices.close());
    await devices.attach();
    await page.open(server.url);
    await page.says('#image', new RegExp(manifest.image.sha256));
    await page.press('#choose-usb');
    await page.says('#found', /BCM2711/);
    await page.press('#flash');
    await page.until(`!document.getElementById('again-row').hidden`);
    do await page.press('#again');
    while (!(await page.within(1000, `document.getElementById('again-row').hidden`)));
    await page.says('#result', /rpi4b is written; choose its serial line/);
    t.is(sha256(rom.received.get('kernel8.img')!), manifest.image.sha256); // other tests may have built another image by now
    await page.press('#choose-line');
    await page.says('#result', new RegExp(`^rpi4b runs velocity ${manifest.build}, and what it measures`));
    await page.says('#console', new RegExp(`${manifest.build} ready on `));
    t.deepEqual(page.problems, []);
    await pictures(page, 'flash');
  },
);
