import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type DiskFault, EmulatedDisk } from '../../rig/emulated/index.ts';
import { fileBlocks, memoryBlocks } from '../blocks.ts';
import type { FlashError } from '../errors.ts';
import { ImageError } from '../image.ts';
import { ALIGNMENT_BYTES, isAligned } from './aligned.ts';
import {
  type BlockNode,
  checkUnchanged,
  type DiskSystem,
  type DiskTarget,
  disksOf,
  diskTarget,
  listDisks,
  type OpenDisk,
  verifyDisk,
  writeDisk,
} from './index.ts';

/** More than two chunks, and no multiple of a sector. */
const content = Buffer.alloc(9_000_001);
for (let i = 0; i < content.length; i += 4093) content[i] = 1 + (i % 255);
content[0] = 0x55;
const image = memoryBlocks('test image', content);
const target: DiskTarget = { path: '/dev/sdx', kind: 'disk', erases: true, describe: 'test disk' };
const SIZE = 10_000_000;

const written = (disk: EmulatedDisk) => disk.bytes.subarray(0, content.length).equals(content);

test('an image is written, reads back, and its first block comes last', async (t) => {
  const disk = new EmulatedDisk(SIZE);
  const seen: string[] = [];
  await writeDisk(target, image, {
    open: disk.open,
    onEvent: ({ event, done }) => seen.push(`${event} ${done}`),
  });
  t.true(written(disk));
  t.is(disk.writes.at(-1), 0);
  t.true(
    disk.bytes.subarray(content.length).every((byte) => byte === 0xaa),
    'the rest is left alone',
  );
  t.is(seen.filter((line) => line.startsWith('write')).at(-1), `write ${content.length}`);
  t.is(seen.at(-1), `verify ${content.length}`);
});

test('a device that takes a few bytes at a time is written all the same', async (t) => {
  const disk = new EmulatedDisk(SIZE, { kind: 'short', bytes: 100_000 });
  await writeDisk(target, image, { open: disk.open });
  t.true(written(disk));
});

test('every whole page is given in memory that passes by the cache', async (t) => {
  const disk = new EmulatedDisk(SIZE);
  const through: string[] = [];
  let past = 0;
  const look = (what: string, data: Uint8Array, offset: number) => {
    if (isAligned(data, offset)) past += data.length;
    else through.push(`${what} ${data.length} at ${offset}`);
  };
  const open: OpenDisk = async (...which) => {
    const handle = await disk.open(...which);
    return {
      ...handle,
      sync: () => handle.sync(),
      close: () => handle.close(),
      write: (data, offset) => {
        look('write', data, offset);
        return handle.write(data, offset);
      },
      read: (into, offset) => {
        look('read', into, offset);
        return handle.read(into, offset);
      },
    };
  };
  await writeDisk(target, image, { open });
  const rest = content.length % ALIGNMENT_BYTES;
  const at = content.length - rest;
  t.deepEqual(through, [`write ${rest} at ${at}`, `read ${rest} at ${at}`]);
  t.is(past, 2 * at + ALIGNMENT_BYTES, 'the first page is written twice');
});

/** What the user is told, and whether the disk is left without a start, so that nothing boots from a half. */
const faults: readonly [fault: DiskFault, code: string, words: RegExp][] = [
  [{ kind: 'unplug', at: 0 }, 'unplugged', /byte 0/],
  [{ kind: 'unplug', at: 5_000_000 }, 'unplugged', /byte 4194304/],
  [{ kind: 'write-error', at: 8_999_999 }, 'disk_error', /byte 8998912/],
  [{ kind: 'read-error', at: 5_000_000 }, 'disk_error', /reading failed at byte 4194304/],
  [{ kind: 'corrupt', at: 6_123_456 }, 'verify_failed', /byte 6123456/],
  [{ kind: 'corrupt', at: 17 }, 'verify_failed', /byte 17/],
  [{ kind: 'lying-size', at: 7_000_000 }, 'verify_failed', /reads 00/],
  [{ kind: 'full', at: 5_000_000 }, 'disk_full', /byte 5000000/],
  [{ kind: 'busy' }, 'port_busy', /in use/],
  [{ kind: 'denied' }, 'permission', /may not open/],
  [{ kind: 'no-medium' }, 'unplugged', /opening/],
];

for (const [fault, code, words] of faults) {
  test(`fault: ${Object.values(fault).join(' at ')}`, async (t) => {
    const disk = new EmulatedDisk(SIZE, fault);
    const error = (await t.throwsAsync(writeDisk(target, image, { open: disk.open }))) as FlashError;
    t.is(error.code, code);
    t.regex(error.message, words);
    if (!('at' in fault) || fault.at > 4096) t.not(disk.bytes[0], content[0]);
    const good = new EmulatedDisk(SIZE);
    await writeDisk(target, image, { open: good.open });
    t.true(written(good), 'the next try works');
  });
}

test('a stop is heard at the next chunk and leaves no start behind', async (t) => {
  const disk = new EmulatedDisk(SIZE);
  const stop = new AbortController();
  const run = writeDisk(target, image, { open: disk.open, signal: stop.signal, onEvent: () => stop.abort() });
  t.is(((await t.throwsAsync(run)) as FlashError).code, 'cancelled');
  t.not(disk.bytes[0], content[0]);
});

test('verify-only names the first byte that differs', async (t) => {
  const disk = new EmulatedDisk(SIZE);
  await writeDisk(target, image, { open: disk.open });
  disk.bytes[4_500_000]! ^= 0x80;
  const error = await t.throwsAsync(verifyDisk(target, image, { open: disk.open }));
  t.regex(error!.message, /byte 4500000 was written as 00 and reads 80/);
});

test('a real file is written, verified, and shortened to the image', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  const [from, to] = [join(folder, 'from.img'), join(folder, 'to.img')];
  writeFileSync(from, content);
  writeFileSync(to, Buffer.alloc(content.length + 500, 1));
  const blocks = fileBlocks(from);
  await writeDisk(diskTarget(to, content.length), blocks);
  await verifyDisk(diskTarget(to, content.length), blocks);
  blocks.close();
  t.is(statSync(to).size, content.length);
  t.true(readFileSync(to).equals(content));
});

test('what is no image is refused before anything is written: folders, pipes, empty and compressed files', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  const [empty, packed, pipe] = ['empty.img', 'card.img.xz', 'pipe'].map((name) => join(folder, name));
  writeFileSync(empty!, '');
  writeFileSync(packed!, Buffer.from('fd377a585a000004e6d6b446', 'hex'));
  const piped = spawnSync('mkfifo', [pipe!]).status === 0 ? [pipe!] : [];
  for (const path of [folder, empty!, ...piped])
    t.throws(() => fileBlocks(path), { instanceOf: ImageError, message: /is empty, or no plain file/ });
  t.throws(() => fileBlocks(packed!), { instanceOf: ImageError, message: /is compressed: unpack it/ });
});

const node = (path: string, more: Partial<BlockNode> = {}): BlockNode => ({
  path,
  size: 1_000_000_000,
  type: 'disk',
  mountpoints: [null],
  ...more,
});

const part = (path: string, point: string | null = null): BlockNode =>
  node(path, { type: 'part', mountpoints: [point] });

const tree: readonly BlockNode[] = [
  node('/dev/sda', { children: [part('/dev/sda1', '/boot/efi'), part('/dev/sda2')] }),
  node('/dev/sdb', { rm: true, tran: 'usb', model: 'Card Reader ' }),
  node('/dev/sdc', { children: [part('/dev/sdc1', '/media/me/my card')] }),
  node('/dev/sdd', { ro: true }),
  node('/dev/sde', { size: 4096 }),
  node('/dev/sdf', { size: 0, rm: true }),
  node('/dev/nvme0n1', {
    children: [
      {
        ...part('/dev/nvme0n1p2'),
        children: [node('/dev/mapper/root', { type: 'crypt', mountpoints: ['/'] })],
      },
    ],
  }),
  node('/dev/sdg', { children: [part('/dev/sdg1')] }),
  node('/dev/sdh', { children: [part('/dev/sdh1', '[SWAP]')] }),
];

const system: DiskSystem = {
  blockTree: () => tree,
  mounts: () => '/dev/sdg1 /mnt/with\\040space vfat rw 0 0\nproc /proc proc rw 0 0\n',
  look: (path) => {
    if (path === '/dev/ttyUSB0') return { path, kind: 'other' };
    if (path === '/dev/disk/by-id/usb-card') return { path: '/dev/sdb', kind: 'disk' };
    return path === '/dev/sdz' ? undefined : { path, kind: 'disk' };
  },
};

const refusals: readonly [path: string, words: RegExp, hint: RegExp][] = [
  ['/dev/sda', /system's own disk \(\/boot\/efi/, /another disk/],
  ['/dev/nvme0n1', /system's own disk \(\/ is/, /another disk/],
  ['/dev/sdh', /system's own disk \(\[SWAP\]/, /another disk/],
  ['/dev/sdc', /mounted at \/media\/me\/my card/, /umount "\/media\/me\/my card"/],
  ['/dev/sdg', /mounted at \/mnt\/with space/, /umount/],
  ['/dev/sdg1', /is a partition/, /whole disk: \/dev\/sdg$/],
  ['/dev/sdd', /write protected/, /switch/],
  ['/dev/sde', /has 4096 bytes and the image needs 9000001/, /larger/],
  ['/dev/sdf', /no medium/, /--list/],
  ['/dev/ttyUSB0', /neither a disk nor a file/, /--list/],
  ['/dev/sdz', /not found/, /--list/],
];

for (const [path, words, hint] of refusals) {
  test(`refused before anything is opened: ${path}`, (t) => {
    const error = t.throws(() => diskTarget(path, content.length, system)) as FlashError;
    t.regex(error.message, words);
    t.regex(error.hint ?? '', hint);
  });
}

test('a card in a reader is taken, also by its link, and described', (t) => {
  t.is(diskTarget('/dev/disk/by-id/usb-card', content.length, system).path, '/dev/sdb');
  t.is(diskTarget('/dev/sdb', 1, system).describe, '/dev/sdb: Card Reader, 1.0 GB, usb');
});

test('the list names what keeps each disk from being written', (t) => {
  const disks = listDisks(system);
  t.deepEqual(
    disks.filter((disk) => disk.system).map((disk) => disk.path),
    ['/dev/sda', '/dev/nvme0n1', '/dev/sdh'],
  );
  t.false(
    disks.some((disk) => disk.path === '/dev/sdf'),
    'a reader without a card is no disk',
  );
});

for (const [platform, paths] of [
  ['darwin', ['/dev/disk4', '/dev/rdisk4', '/dev/disk4s1']],
  ['win32', ['\\\\.\\PhysicalDrive2', '\\\\?\\Volume{1}', 'E:', 'e:\\']],
] as const)
  test(`no disk is written where nobody says which are in use, files are: ${platform}`, (t) => {
    const other = disksOf(platform);
    for (const path of paths) {
      const error = t.throws(() => diskTarget(path, 1, other)) as FlashError;
      t.is(error.code, 'missing_tool');
      t.regex(error.hint ?? '', /velocity image .*Raspberry Pi Imager/);
    }
    t.is(diskTarget(join(tmpdir(), 'velocity-card.img'), 1, other).kind, 'file');
    t.regex(other.unknown ?? '', /on Linux only/);
  });

test('a file on a full file system is refused before it is opened', (t) => {
  const error = t.throws(() => diskTarget(join(tmpdir(), 'velocity-huge.img'), 2 ** 52)) as FlashError;
  t.is(error.code, 'disk_refused');
});

test('a card that was changed while the question stood is not written', (t) => {
  const withCard = (size: number, medium?: string): DiskSystem => ({
    blockTree: () => [{ path: '/dev/sdx', size, type: 'disk', model: 'reader', mountpoints: [null] }],
    mounts: () => '',
    look: (path) => ({ path, kind: 'disk' }),
    mediumOf: () => medium,
  });
  const asked = diskTarget('/dev/sdx', 1000, withCard(32e9, '41'));
  t.notThrows(() => checkUnchanged(asked, 1000, withCard(32e9, '41')));
  for (const other of [withCard(64e9, '41'), withCard(32e9, '42')])
    t.like(
      t.throws<FlashError>(() => checkUnchanged(asked, 1000, other)),
      {
        code: 'disk_refused',
        hint: 'begin again',
      },
    );
  t.throws(() => checkUnchanged(asked, 1000, withCard(0)), { message: /holds no medium/ });
});
