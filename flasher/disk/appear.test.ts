import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { FlashError } from '../errors.ts';
import { sysfsPort } from './disks.ts';
import { type BlockNode, type DiskSystem, diskPaths, waitForDisk } from './index.ts';

const disk = (path: string): BlockNode => ({ path, size: 1e9, type: 'disk', mountpoints: [null] });

/** Each look at the machine's disks gives the next list; the last one stays. */
const machine = (...lists: string[][]): DiskSystem => {
  let at = 0;
  return {
    blockTree: () => (lists[Math.min(at++, lists.length - 1)] ?? []).map(disk),
    mounts: () => '',
    look: () => undefined,
  };
};

const wait = (system: DiskSystem, timeoutMs = 60_000) =>
  waitForDisk(new Set(['/dev/sda']), { timeoutMs, pollMs: 5, system });

test('the disk that was not there before is found', async (t) => {
  t.is((await wait(machine(['/dev/sda'], ['/dev/sda'], ['/dev/sda', '/dev/sdb']))).path, '/dev/sdb');
  t.deepEqual([...diskPaths(machine(['/dev/sda']))], ['/dev/sda']);
});

test('a disk that flickers is waited for', async (t) => {
  const found = await wait(machine(['/dev/sdb'], [], ['/dev/sdb'], [], ['/dev/sdc']));
  t.is(found.path, '/dev/sdc');
});

const faults: readonly [name: string, lists: string[][], code: string, words: RegExp][] = [
  ['nothing appears', [['/dev/sda']], 'timeout', /board's disk/],
  ['two appear at once', [['/dev/sdb', '/dev/sdc']], 'bad_device', /sdb and \/dev\/sdc/],
];

for (const [name, lists, code, words] of faults) {
  test(`fault: ${name}`, async (t) => {
    const timeoutMs = code === 'timeout' ? 100 : 60_000;
    const error = (await t.throwsAsync(wait(machine(...lists), timeoutMs))) as FlashError;
    t.is(error.code, code);
    t.regex(error.message, words);
  });
}

/** Disks by the USB ports that they hang on. */
const ported = (ports: Readonly<Record<string, string | null | undefined>>, ...lists: string[][]) => ({
  ...machine(...lists),
  portOf: (path: string) => ports[path],
});
const onPort = (system: DiskSystem, timeoutMs = 60_000) =>
  waitForDisk(new Set(['/dev/sda']), { timeoutMs, pollMs: 5, system, location: '1-1.2' });

test("a stick that somebody plugs in meanwhile is not taken for the board's disk", async (t) => {
  const ports = { '/dev/sdb': '1-3', '/dev/mmcblk0': null, '/dev/sdc': '1-1.2' };
  const stick = ['/dev/sdb', '/dev/mmcblk0'];
  const late = [stick, stick, stick, stick, stick, [...stick, '/dev/sdc']];
  t.is((await onPort(ported(ports, ...late))).path, '/dev/sdc');
  const error = (await t.throwsAsync(onPort(ported(ports, stick), 100))) as FlashError;
  t.is(error.code, 'bad_device');
  t.regex(error.message, /\/dev\/sdb and \/dev\/mmcblk0: appeared, and not on USB 1-1\.2/);
  t.regex(error.hint!, /--to \/dev\/sdb/);
});

test('a disk of which nobody knows the port is taken', async (t) => {
  t.is((await onPort(ported({}, ['/dev/sdb']))).path, '/dev/sdb');
});

test('the port of a disk is that of the device that it is a part of', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-sysfs-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const places = {
    sdb: 'devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0/host6/target6:0:0/6:0:0:0/block/sdb',
    nvme0n1: 'devices/pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1',
  };
  for (const [name, place] of Object.entries(places)) {
    mkdirSync(join(folder, place), { recursive: true });
    symlinkSync(place, join(folder, name));
  }
  t.is(sysfsPort('/dev/sdb', folder), '1-1.2');
  t.is(sysfsPort('/dev/nvme0n1', folder), null);
  t.is(sysfsPort('/dev/sdz', folder), undefined);
});

test('a stop is heard', async (t) => {
  const stop = AbortSignal.timeout(20);
  const run = waitForDisk(new Set(), { timeoutMs: 60_000, pollMs: 5, system: machine([]), signal: stop });
  t.is(((await t.throwsAsync(run)) as FlashError).code, 'cancelled');
});
