/** What has to be done before another image runs in place of this one; an emulator shows little of what is left out. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { statusNamed } from '../../../abi/index.ts';
import { buildNative } from './build.ts';

let host: string;

test.before(async (t) => {
  t.timeout(60_000);
  const sources = ['test/native/takeover_host.c', 'boot/takeover.c'];
  host = await buildNative('takeover_host', sources, t.log, 'test/native/interrupts');
});

const stepsOf = (...how: string[]) => execFileSync(host, how, { encoding: 'utf8' }).trimEnd().split('\n');

/** Cores read the loop past their caches. */
const parked = ['clean 0x3ffc00, 48 bytes, copied', 'park cores at 0x3ffc00'];

test('devices_are_stopped_once_no_interrupt_starts_them_again_and_the_watchdog_gives_the_image_its_time', (t) => {
  t.deepEqual(stepsOf(), [
    ...parked,
    'daif = 0x3c0',
    'stop the network',
    'stop the disk',
    'feed the watchdog',
    'enter the image',
  ]);
});

test('nothing_is_stopped_where_cores_do_not_let_go', (t) => {
  const { code } = statusNamed('timeout');
  t.deepEqual(stepsOf('stuck'), [...parked, `the image in memory is not started: status ${code}`, 'go on']);
});

test('nothing_happens_where_nothing_is_due', (t) => {
  t.deepEqual(stepsOf('not', 'due'), ['go on']);
});
