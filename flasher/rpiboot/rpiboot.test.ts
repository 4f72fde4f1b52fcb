import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  BootRom,
  type BootRomOptions,
  type ChipName,
  EmulatedBus,
  fileMessage,
} from '../../rig/emulated/index.ts';
import { FlashError } from '../errors.ts';
import {
  defaultLimits,
  folderSource,
  type Limits,
  memorySource,
  type RpibootEvent,
  rpiboot,
} from './index.ts';

/** Made-up bytes: no firmware is shipped. The kernel is larger than one chunk and not a multiple of anything. */
const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff);
const files = {
  'bootcode.bin': bytes(1000, 1),
  'bootcode4.bin': bytes(105_984, 2),
  'bootcode5.bin': bytes(2048, 3),
  'config.txt': Buffer.from('arm_64bit=1\n'),
  'start.elf': bytes(70_000, 4),
  'start4.elf': bytes(70_000, 5),
  'bcm2712.dtb': bytes(3000, 6),
  'kernel8.img': bytes(600_001, 7),
};
const source = memorySource('test files', files);
/** Nothing that goes well ends by a limit, however loaded the machine is. */
const limits = { controlMs: 30_000, bulkMs: 30_000, requestMs: 30_000, reappearMs: 30_000 };
/** For waits that are to end. */
const quick = { controlMs: 1000, bulkMs: 1000, requestMs: 1000, reappearMs: 1000 };
const required = ['kernel8.img'];

const plugged = (chip: ChipName, options: BootRomOptions = {}) => {
  const bus = new EmulatedBus();
  const rom = new BootRom(chip, bus, options);
  rom.plugIn();
  return { bus, rom };
};

type More = { readonly onEvent?: (event: RpibootEvent) => void; readonly limits?: Limits };
const boot = async (bus: EmulatedBus, more: More = {}) => {
  const [device] = await bus.list();
  return rpiboot(bus, device!, { source, limits, required, ...more });
};

/** ava's own comparison takes a second for a large array. */
const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.from(a).equals(b);

const chipNames: ChipName[] = ['BCM2835', 'BCM2837', 'BCM2711', 'BCM2712'];
const bootcodes = {
  BCM2835: 'bootcode.bin',
  BCM2837: 'bootcode.bin',
  BCM2711: 'bootcode4.bin',
  BCM2712: 'bootcode5.bin',
} as const;

for (const chip of chipNames) {
  test(`${chip} takes its second stage and every file it asks for, unchanged`, async (t) => {
    const { bus, rom } = plugged(chip);
    const served = await boot(bus);
    t.true(rom.booted);
    t.true(same(rom.received.get('bootcode'), files[bootcodes[chip]]));
    t.true(same(rom.received.get('kernel8.img'), files['kernel8.img']));
    t.is(rom.sizes.get('kernel8.img'), files['kernel8.img'].length);
    t.is(rom.sizes.get('autoboot.txt'), 0);
    t.deepEqual(served.missing, ['autoboot.txt']);
  });
}

test('a board in its second stage is taken from there', async (t) => {
  const bus = new EmulatedBus();
  const rom = new BootRom('BCM2711', bus);
  rom.plugInSecondStage();
  await boot(bus);
  t.true(rom.booted);
  t.false(rom.received.has('bootcode'));
});

test('what the board says about itself is kept', async (t) => {
  t.deepEqual((await boot(plugged('BCM2712').bus)).metadata, { BOARD_REV: 'b03115' });
});

test('progress counts up to the size of each file', async (t) => {
  const last = new Map<string, string>();
  await boot(plugged('BCM2711').bus, {
    onEvent: (event) => event.event === 'send' && last.set(event.file, `${event.done}/${event.total}`),
  });
  t.is(last.get('kernel8.img'), '600001/600001');
});

test('a board that leaves USB after its last file has booted', async (t) => {
  const script = [{ ask: 'read', name: 'kernel8.img' }] as const;
  const { bus, rom } = plugged('BCM2711', { script, leaves: true });
  t.deepEqual((await boot(bus)).files, ['kernel8.img']);
  t.true(rom.booted);
});

test('nothing is handed out that would be written to the boot EEPROM', async (t) => {
  const names = ['pieeprom.bin', 'pieeprom.upd', 'b03115/pieeprom.sig', 'VL805.bin'];
  const given = memorySource('recovery', {
    ...files,
    ...Object.fromEntries(names.map((name) => [name, bytes(100, 8)])),
  });
  const both = names.flatMap((name) => [{ ask: 'size', name } as const, ask(name)]);
  const { bus, rom } = plugged('BCM2711', { script: [ask('config.txt'), ...both, { ask: 'done' }] });
  const [device] = await bus.list();
  const error = await t.throwsAsync(rpiboot(bus, device!, { source: given, limits, required }), {
    instanceOf: FlashError,
  });
  t.regex(error!.hint ?? '', /writes the boot EEPROM.*another folder/);
  for (const name of names) t.is(rom.sizes.get(name), 0, name);
  t.deepEqual([...rom.received.keys()], ['bootcode', 'config.txt']);
});

test('the port it comes back on may be another one', async (t) => {
  const moves: string[] = [];
  const { bus, rom } = plugged('BCM2712', { reappearsAt: '2-1' });
  await boot(bus, { onEvent: (event) => event.event === 'moved' && moves.push(event.to) });
  t.true(rom.booted);
  t.deepEqual(moves, ['2-1']);
});

test('another board of the same kind that was there before is left alone', async (t) => {
  const { bus, rom } = plugged('BCM2711', { reappearsAt: '2-1' });
  const other = new BootRom('BCM2711', bus);
  other.plugIn('1-2');
  await boot(bus);
  t.true(rom.booted);
  t.is(other.transfers, 0);
});

const ask = (name: string) => ({ ask: 'read', name }) as const;
const raw = (message: Uint8Array) => ({ ask: 'raw', message }) as const;

/** Everything that can go wrong: what the user is told, by code and words. */
const faults: readonly [name: string, options: BootRomOptions, code: string, words: RegExp][] = [
  ['refused second stage', { status: 1 }, 'refused', /status 1/],
  ['does not come back', { staysAway: true }, 'timeout', /second stage/],
  ['comes back as another chip', { reappearsAs: 'BCM2837' }, 'timeout', /second stage/],
  ['asks for a file outside', { script: [ask('../../etc/shadow')] }, 'bad_device', /leads out/],
  ['asks for a file outside by backslash', { script: [ask('..\\secret')] }, 'bad_device', /leads out/],
  ['unknown command', { script: [raw(fileMessage(7, 'config.txt'))] }, 'bad_device', /command 7/],
  ['negative command', { script: [raw(fileMessage(-1, 'config.txt'))] }, 'bad_device', /command -1/],
  ['name without end', { script: [raw(new Uint8Array(260).fill(0x41, 4))] }, 'bad_device', /without an end/],
  ['short message', { script: [raw(new Uint8Array(17))] }, 'bad_device', /17 bytes/],
  [
    'done before the kernel',
    { script: [ask('config.txt'), { ask: 'done' }] },
    'refused',
    /did not take kernel8/,
  ],
  ['leaves before the kernel', { script: [ask('config.txt')], leaves: true }, 'unplugged', /went away/],
  ['silent after a file', { script: [ask('config.txt')] }, 'timeout', /next request/],
  ['slower than the limit', { fault: { kind: 'slow', ms: 1500 } }, 'timeout', /no sign/],
];

const works = async (bus: EmulatedBus, rom: BootRom) => {
  rom.unplug();
  const again = new BootRom(rom.chip.name, bus);
  again.plugIn('1-9');
  const device = (await bus.list()).find(({ location }) => location === '1-9')!;
  await rpiboot(bus, device, { source, limits: defaultLimits, required });
  return again.booted;
};

for (const [name, options, code, words] of faults) {
  test(`fault: ${name}`, async (t) => {
    const { bus, rom } = plugged('BCM2711', options);
    const pace = code === 'timeout' ? quick : limits;
    const error = await t.throwsAsync(boot(bus, { limits: pace }), { instanceOf: FlashError });
    t.is((error as FlashError).code, code);
    t.regex(error!.message, words);
    t.false(rom.booted);
    t.true(await works(bus, rom), 'the next try works');
  });
}

/** No file is larger than the first chunk: how large those behind it are, and so how many, hangs on how long it took. */
const small = memorySource('small files', { ...files, 'kernel8.img': bytes(200_001, 7) });

const bootSmall = async (bus: EmulatedBus, pace: Limits = limits) => {
  const [device] = await bus.list();
  return rpiboot(bus, device!, { source: small, limits: pace, required });
};

const countTransfers = async () => {
  const { bus, rom } = plugged('BCM2711');
  await bootSmall(bus);
  return rom.transfers;
};

const codes = { unplug: 'unplugged', stall: 'stalled', silent: 'timeout' } as const;

for (const kind of ['unplug', 'stall', 'silent'] as const) {
  test(`fault: ${kind} at any transfer ends with its own error`, async (t) => {
    const total = await countTransfers();
    for (let at = 0; at < total; at++) {
      const { bus } = plugged('BCM2711', { fault: { kind, at } });
      const fast = { ...limits, controlMs: 60, bulkMs: 60, requestMs: 60 };
      const run = bootSmall(bus, kind === 'silent' ? fast : limits);
      // The board has everything when it only fails to say so: leaving then is how boards end.
      if (kind === 'unplug' && at === total - 1) await t.notThrowsAsync(run);
      else t.is(((await t.throwsAsync(run)) as FlashError).code, codes[kind], `transfer ${at} of ${total}`);
    }
    t.true(total > 15);
  });
}

test('fault: a short answer at any read is told', async (t) => {
  const total = await countTransfers();
  let seen = 0;
  for (let at = 0; at < total; at++) {
    const { bus } = plugged('BCM2711', { fault: { kind: 'short', at } });
    const error = await bootSmall(bus).then(
      () => undefined,
      (cause: FlashError) => cause,
    );
    if (error) seen += 1;
    t.true(error === undefined || error.code === 'bad_device');
  }
  t.true(seen > 5);
});

test('a source without the second stage is refused before anything is sent', async (t) => {
  const { bus, rom } = plugged('BCM2711');
  const [device] = await bus.list();
  const empty = memorySource('nothing', {});
  const error = await t.throwsAsync(rpiboot(bus, device!, { source: empty, limits }));
  t.regex(error!.message, /bootcode4\.bin for BCM2711/);
  // the start4.elf of usbboot's own folders shows the storage and starts no kernel
  t.regex((error as FlashError).hint!, /recovery.*all else of github\.com\/raspberrypi\/firmware\/boot/);
  t.is(rom.transfers, 0);
});

test('a folder does not give away files outside, not even by a link', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  mkdirSync(join(root, 'inside'));
  writeFileSync(join(root, 'secret'), 'no');
  symlinkSync(join(root, 'secret'), join(root, 'inside/link'));
  writeFileSync(join(root, 'inside/config.txt'), 'yes');
  const files = folderSource(join(root, 'inside'));
  t.is(await files.read('link'), undefined);
  t.is(await files.read('../secret'), undefined);
  t.is((await files.read('config.txt'))?.toString(), 'yes');
  t.is((await files.read('/config.txt'))?.toString(), 'yes');
  const disk = folderSource('/');
  t.is((await disk.read(realpathSync(join(root, 'inside/config.txt'))))?.toString(), 'yes');
});
