/** The command as people call it, against emulated devices. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { disksOf, FlashError, type UsbHost } from '../../flasher/index.ts';
import { boardInfo } from '../../link/test/fake-board.ts';
import {
  BootRom,
  EmulatedBus,
  FastbootDevice,
  fastbootUsb,
  serveFastbootUdp,
} from '../../rig/emulated/index.ts';
import { makeCleanup } from '../cleanup.ts';
import { Output } from '../output.ts';
import {
  boardOnSocket,
  jsonLines,
  type Result,
  runningOn,
  temporaryFolder,
  velocityOn,
} from '../test/command-line.ts';
import { flashFiles } from '../test/flash-files.ts';
import { listEverything } from './list.ts';

const { build: BUILD, image, folder, manifest } = flashFiles();

const flash = (usb: UsbHost, ...argv: string[]) => velocityOn({ usb }, '--json', 'flash', ...argv);

const withBoard = (chip: 'BCM2711' | 'BCM2712', options = {}) => {
  const bus = new EmulatedBus();
  const rom = new BootRom(chip, bus, options);
  rom.plugIn();
  return { bus, rom };
};

const usbBoot = ['--image', manifest, '--firmware-dir', folder];
const last = (result: Result) => jsonLines(result).at(-1);

test('a board on USB is started, and says what it runs', async (t) => {
  const { bus, rom } = withBoard('BCM2711');
  const { port } = await boardOnSocket({ info: () => ({ ...boardInfo, build: BUILD }) });
  const result = await flash(bus, '--board', 'cm4', ...usbBoot, '--port', port);
  t.is(result.exit, 0, result.stderr);
  t.true(Buffer.from(rom.received.get('kernel8.img')!).equals(image));
  t.regex(Buffer.from(rom.received.get('config.txt')!).toString(), /^device_tree=bcm2711-rpi-cm4\.dtb$/m);
  t.deepEqual(last(result), { event: 'flashed', board: 'cm4', build: BUILD, confirmed: true });
});

test('a board that runs another build than it was sent is not done', async (t) => {
  const { bus } = withBoard('BCM2711');
  const { port } = await boardOnSocket({ info: () => ({ ...boardInfo, build: 'cd'.repeat(20) }) });
  const result = await flash(bus, '--board', 'cm4', ...usbBoot, '--port', port);
  t.is(result.exit, 8);
  t.regex(result.stderr, /runs build cdcd/);
});

test('a board in fastboot mode takes the image into a partition, after a yes', async (t) => {
  const bus = new EmulatedBus();
  const device = new FastbootDevice();
  bus.attach(fastbootUsb(device), '1-1');
  const asked = await flash(bus, '--image', manifest, '--partition', 'boot');
  t.is(asked.exit, 2);
  t.regex(asked.stderr, /--yes/);
  const result = await flash(bus, '--image', manifest, '--partition', 'boot', '--yes');
  t.is(result.exit, 0, result.stderr);
  t.true(device.partitions.get('boot')!.subarray(0, image.length).equals(image));
});

test('a board in fastboot mode on the network starts the image from memory', async (t) => {
  const device = new FastbootDevice({ maxDownloadBytes: 1 << 20 });
  const server = await serveFastbootUdp(device);
  const address = `udp:127.0.0.1:${server.port}`;
  const result = await flash(new EmulatedBus(), '--image', manifest, '--fastboot', address);
  await server.close();
  t.is(result.exit, 0, result.stderr);
  t.true(device.started?.equals(image));
});

test('a board that could be emulated is not, where it is said how the real one is reached', async (t) => {
  const device = new FastbootDevice();
  const server = await serveFastbootUdp(device);
  const address = `udp:127.0.0.1:${server.port}`;
  const named = ['--board', 'rpi4b', '--image', manifest];
  const result = await flash(new EmulatedBus(), ...named, '--fastboot', address);
  await server.close();
  t.is(result.exit, 0, result.stderr);
  t.true(device.started?.equals(image));
  for (const more of [['--u-boot'], ['--partition', 'boot']])
    t.not((await flash(new EmulatedBus(), ...named, ...more)).exit, 0, more.join(' '));
});

test('a board that is emulated since no real one is plugged in is said to be', async (t) => {
  t.timeout(600_000); // it may build the kernel first
  const said = async (board: string) =>
    (await flash(new EmulatedBus(), '--board', board, '--image', manifest, '--dry-run')).stderr;
  t.regex(await said('rpi4b'), /no rpi4b is plugged in: this is the emulated rpi4b/);
  t.is(await said('qemu-virt'), '');
});

test('an SD card image is written to a file, verified, and found changed later', async (t) => {
  const to = join(temporaryFolder(), 'card.img');
  const card = ['--board', 'rpi4b', ...usbBoot, '--to', to];
  const result = await flash(new EmulatedBus(), ...card);
  t.is(result.exit, 0, result.stderr);
  t.true(readFileSync(to).includes(image.subarray(0, 4096)), 'the kernel is on it');
  t.is((await flash(new EmulatedBus(), ...card, '--verify-only')).exit, 0);
  const bytes = readFileSync(to);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(to, bytes);
  const changed = await flash(new EmulatedBus(), ...card, '--verify-only');
  t.is(changed.exit, 9);
  t.regex(changed.stderr, new RegExp(`byte ${bytes.length - 1} `));
  t.is((await flash(new EmulatedBus(), ...card)).exit, 2, 'what is there is not erased without a yes');
});

test('an image is not written onto itself, under whatever name', async (t) => {
  const [to, link] = [join(temporaryFolder(), 'card.img'), join(temporaryFolder(), 'link.img')];
  writeFileSync(to, image);
  symlinkSync(to, link);
  for (const name of [to, link]) {
    const result = await flash(new EmulatedBus(), '--image', to, '--to', name, '--yes');
    t.is(result.exit, 2);
    t.regex(result.stderr, /is the image itself/);
    t.true(readFileSync(to).equals(image));
  }
});

test('a dry run says what would be done, and does nothing', async (t) => {
  const { bus, rom } = withBoard('BCM2711');
  const result = await flash(bus, '--board', 'cm4', ...usbBoot, '--dry-run');
  t.is(last(result)?.event, 'plan');
  t.is(rom.transfers, 0);
});

test('the list names boards, their modes and disks', async (t) => {
  const { bus } = withBoard('BCM2712');
  const [first, ...disks] = jsonLines(await flash(bus, '--list'));
  t.like(first, { event: 'usb', location: '1-1', mode: 'rpiboot', boards: ['rpi5', 'cm5'] });
  for (const disk of disks) t.is(disk.event, 'disk');
});

test('where disks are not known the list says so, after the boards', async (t) => {
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) };
  const context = { output: new Output(false, stream, stream), cleanup: makeCleanup() };
  await listEverything(context, withBoard('BCM2712').bus, disksOf('darwin'));
  t.regex(said.join(''), /^usb +1-1 (?:.*\n)+disk +which disks .* on Linux only: make an image/);
});

test('where USB cannot be asked the list has the disks all the same', async (t) => {
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) };
  const context = { output: new Output(false, stream, stream), cleanup: makeCleanup() };
  const host = { list: () => Promise.reject(new FlashError('missing_tool', 'usb', 'does not load')) };
  const error = await t.throwsAsync(listEverything(context, host, disksOf('darwin')));
  t.regex(error!.message, /does not load/);
  t.regex(said.join(''), /^disk /);
});

type Refused = [name: string, bus: () => EmulatedBus, argv: string[], exit: number, words: RegExp];

const refusals: readonly Refused[] = [
  ['nothing attached', () => new EmulatedBus(), [], 4, /USB boot mode/],
  ['a named board is not attached', () => new EmulatedBus(), ['--board', 'cm5'], 4, /nRPIBOOT/],
  [
    'no firmware',
    () => withBoard('BCM2711').bus,
    ['--board', 'cm4', '--image', manifest],
    2,
    /--firmware-dir/,
  ],
  [
    'firmware without the device tree of the board',
    () => withBoard('BCM2711').bus,
    ['--board', 'rpi400', ...usbBoot],
    10,
    /lacks bcm2711-rpi-400\.dtb/,
  ],
  [
    'a board of another chip',
    () => withBoard('BCM2711').bus,
    ['--board', 'cm5', ...usbBoot],
    4,
    /cm5: not found/,
  ],
  ['which board is not clear', () => withBoard('BCM2711').bus, usbBoot, 2, /rpi4b, rpi400, cm4/],
  [
    'refused second stage',
    () => withBoard('BCM2711', { status: 3 }).bus,
    ['--board', 'cm4', ...usbBoot],
    8,
    /status 3/,
  ],
  [
    'unplugged',
    () => withBoard('BCM2711', { fault: { kind: 'unplug', at: 9 } }).bus,
    ['--board', 'cm4', ...usbBoot],
    4,
    /went away/,
  ],
  [
    'stalled',
    () => withBoard('BCM2711', { fault: { kind: 'stall', at: 9 } }).bus,
    ['--board', 'cm4', ...usbBoot],
    8,
    /refused a transfer/,
  ],
  [
    'no such image',
    () => withBoard('BCM2711').bus,
    ['--board', 'cm4', '--image', '/none.json', '--firmware-dir', folder],
    10,
    /cannot be read/,
  ],
  ['no such disk', () => new EmulatedBus(), ['--to', '/dev/velocity-none', '--board', 'cm4'], 4, /not found/],
  [
    'no disk at all',
    () => new EmulatedBus(),
    ['--to', '/dev/null', '--board', 'cm4'],
    2,
    /neither a disk nor a file/,
  ],
  [
    'nobody listens',
    () => new EmulatedBus(),
    ['--fastboot', 'tcp:127.0.0.1:1', '--image', manifest],
    4,
    /fastboot mode/,
  ],
  [
    'no address',
    () => new EmulatedBus(),
    ['--fastboot', 'serial', '--image', manifest],
    2,
    /no fastboot address/,
  ],
  ...['tcp:localhost:0', 'udp:localhost:99999', 'udp:fe80::1', 'tcp:[]'].map(
    (address): Refused => [
      `no address: ${address}`,
      () => new EmulatedBus(),
      ['--fastboot', address, '--image', manifest],
      2,
      /no fastboot address/,
    ],
  ),
  [
    'no address, and nothing is to be done yet',
    () => new EmulatedBus(),
    ['--fastboot', 'serial', '--dry-run', '--image', manifest],
    2,
    /no fastboot address/,
  ],
  ['no port', () => new EmulatedBus(), ['--u-boot'], 2, /--port/],
  ['all of none', () => new EmulatedBus(), ['--all'], 4, /USB boot mode/],
  ['all on one line', () => withBoard('BCM2711').bus, ['--all', '--port', 'unix:/none'], 2, /one board/],
  ['nothing to read back', () => withBoard('BCM2711').bus, ['--verify-only'], 2, /--to/],
];

for (const [name, bus, argv, exit, words] of refusals) {
  test(`refused: ${name}`, async (t) => {
    const result = await flash(bus(), ...argv);
    t.is(result.exit, exit, result.stderr);
    t.regex(result.stderr, words);
  });
}

test('two boards side by side are told apart by their location', async (t) => {
  const bus = new EmulatedBus();
  const [first, second] = [new BootRom('BCM2711', bus), new BootRom('BCM2711', bus)];
  first.plugIn('1-1');
  second.plugIn('1-2');
  const unclear = await flash(bus, '--board', 'cm4', ...usbBoot);
  t.is(unclear.exit, 2);
  t.regex(unclear.stderr, /--usb/);
  t.is((await flash(bus, '--board', 'cm4', ...usbBoot, '--usb', '1-2')).exit, 0);
  t.true(second.booted);
  t.is(first.transfers, 0);
});

test('all boards are flashed side by side, and one that fails does not stop the others', async (t) => {
  const bus = new EmulatedBus();
  const roms = [{}, { status: 5 }, {}].map((options, at) => {
    const rom = new BootRom('BCM2711', bus, { awayMs: 30, ...options });
    rom.plugIn(`1-${at + 1}`);
    return rom;
  });
  const result = await flash(bus, '--all', '--board', 'cm4', ...usbBoot);
  t.is(result.exit, 8, 'all that failed were refused');
  t.regex(result.stderr, /1-2: .*status 5/);
  t.regex(result.stderr, /1 of 3 boards were not flashed/);
  t.deepEqual(
    roms.map(({ booted }) => booted),
    [true, false, true],
  );
  for (const rom of [roms[0], roms[2]]) t.true(image.equals(rom!.received.get('kernel8.img')!));
  const facts = jsonLines(result);
  t.deepEqual(
    facts.find(({ event }) => event === 'all'),
    { event: 'all', boards: 3, flashed: 2, failed: 1 },
  );
  const flashed = facts.filter(({ event }) => event === 'flashed').map(({ location }) => location);
  t.deepEqual(flashed.sort(), ['1-1', '1-3']);
});

test('boards that fail for different reasons end as failed', async (t) => {
  const bus = new EmulatedBus();
  new BootRom('BCM2711', bus, { status: 5 }).plugIn('1-1');
  new BootRom('BCM2711', bus, { fault: { kind: 'unplug', at: 4 } }).plugIn('1-2');
  t.is((await flash(bus, '--all', '--board', 'cm4', ...usbBoot)).exit, 15);
});

test('watching flashes each board that is plugged in, also while another one fails, until it is stopped', async (t) => {
  const bus = new EmulatedBus();
  const good = new BootRom('BCM2711', bus);
  const later = new BootRom('BCM2711', bus, { reappearsAt: '2-1' });
  const bad = new BootRom('BCM2711', bus, { status: 5, onFile: () => good.plugIn('1-2') });
  const running = runningOn({ usb: bus }, '--json', 'flash', '--watch', '--board', 'cm4', ...usbBoot);
  bad.plugIn('1-1');
  await running.until(/status 5[\s\S]*"event":"flashed"/);
  later.plugIn('1-3');
  await running.until(/("event":"flashed"[\s\S]*){2}/);
  new BootRom('BCM2711', bus, { status: 6 }).plugIn('1-4');
  await running.until(/status 6/);
  const result = await running.stop();
  t.deepEqual([good.booted, later.booted], [true, true]);
  t.is(result.exit, 130);
  t.is(jsonLines(result).filter(({ event }) => event === 'flashed').length, 2, 'none is flashed again');
});
