import test from 'ava';
import type { FlashError } from '../errors.ts';
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

test('a stop is heard', async (t) => {
  const stop = AbortSignal.timeout(20);
  const run = waitForDisk(new Set(), { timeoutMs: 60_000, pollMs: 5, system: machine([]), signal: stop });
  t.is(((await t.throwsAsync(run)) as FlashError).code, 'cancelled');
});
