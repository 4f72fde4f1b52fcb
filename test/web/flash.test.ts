/** The flasher's page, against emulated boards on USB. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boardInfo } from '../../link/test/fake-board.ts';
import { BootRom, EmulatedBus, FastbootDevice, fastbootUsb, Stall } from '../../rig/emulated/index.ts';
import {
  address,
  allowAgain,
  BUILD,
  folder,
  image,
  inBrowser,
  manifest,
  manifestFor,
  noProblem,
  open,
  pick,
  plugged,
  running,
} from './flasher.ts';

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
    page.requests.filter((url) => !url.startsWith(address()) && !url.startsWith('data:')),
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

inBrowser('another board than the one that was chosen is written only when it is chosen', async (t) => {
  const bus = new EmulatedBus();
  const first = new FastbootDevice({ maxDownloadBytes: 1 << 20 });
  const second = fastbootUsb(new FastbootDevice());
  bus.attach(fastbootUsb(first), '1-1');
  bus.attach(second, '1-2');
  const { page, devices } = await open(t, bus);
  await page.press('#choose-usb');
  devices.chooses = (fitting) => fitting[1];
  await page.press('#choose-usb');
  await page.until(`document.querySelectorAll('#found input').length === 2`);
  await page.press('#found input[value="1"]', 'space');
  await page.says('#status', /Ready/);
  bus.detach(second);
  await page.until(`document.querySelectorAll('#found input').length === 1`);
  await page.says('#status', /Choose a board first/);
  t.true(await page.evaluate(`document.getElementById('flash').disabled`));
  await page.press('#found input', 'space');
  await page.press('#flash');
  await page.says('#result', /is written/);
  t.true(first.started!.equals(image));
});

inBrowser('a board that the next device can not be is not kept as its name', async (t) => {
  const { bus } = plugged();
  bus.attach(fastbootUsb(new FastbootDevice()), '1-2');
  const { page, devices } = await open(t, bus);
  devices.chooses = (fitting) => fitting[1];
  await page.press('#choose-usb');
  await page.says('#found', /fastboot/);
  await pick(page, 'jetson-nano');
  devices.chooses = (fitting) => fitting[0];
  await page.press('#choose-usb');
  await page.says('#found', /BCM2711/);
  const radio = `[...document.querySelectorAll('#found label')].find((l) => /BCM2711/.test(l.textContent)).querySelector('input')`;
  await page.evaluate(`${radio}.click()`);
  t.is(await page.evaluate(`document.getElementById('board').value`), 'rpi4b');
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
