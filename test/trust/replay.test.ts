/** A board without storage forgets its sequence number at a reset; the boot id takes its place. */
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { virtualBoards } from '../../boards/index.ts';
import { findTool } from '../../firmware/index.ts';
import { RefusedError } from '../../link/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { devKey, installBytes, patchFor, signPatch, timerProgram } from '../board/programs.ts';
import { openWire, type Wire } from './wire.ts';

const RESTART_MS = 180_000;
const program = timerProgram('replayed', 'r0 = 2\nexit');

const starts = ({ console }: Wire) => console.filter((line) => line.includes(' ready on ')).length;

const restart = async (wire: Wire) => {
  const before = starts(wire);
  await wire.link.reset();
  const deadline = Date.now() + RESTART_MS;
  while (starts(wire) === before) {
    if (Date.now() > deadline) throw new Error(`no restart:\n${wire.console.join('\n')}`);
    await delay(20);
  }
};

/** Sources that QEMU models: the seed of `virt`, the generator of the Pi 3; nothing on the Pi 4. */
const entropy: Readonly<Record<string, number>> = { 'qemu-virt': 1, rpi3b: 2, rpi4b: 0 };

for (const board of virtualBoards) {
  const reason = unavailableReason(board, findTool('qemu'));
  if (reason) {
    test.skip(`${board.name} is skipped: ${reason}`, () => {});
    continue;
  }
  test.serial(`${board.name}_refuses_after_a_reset_what_was_signed_before_it`, async (t) => {
    t.timeout(600_000);
    const wire = await openWire(board.name);
    t.teardown(wire.stop);
    const { link } = wire;
    const before = await link.info();
    t.is(before.entropy, entropy[board.name]!);
    const bytes = signPatch(await patchFor(link, { program, name: program.name }), devKey());
    await installBytes(link, bytes);
    await restart(wire);
    const after = await link.info();
    t.is(after.sequence, 0n, 'the number is forgotten');
    t.notDeepEqual(after.boot, before.boot);
    const error = await t.throwsAsync(installBytes(link, bytes), { instanceOf: RefusedError });
    t.is(error?.status, 'wrong_boot');
    t.deepEqual(await link.modules(), []);
    await installBytes(link, signPatch(await patchFor(link, { program, name: program.name }), devKey()));
    t.is((await link.modules()).length, 1);
  });
}

test.serial('the_boot_id_differs_from_start_to_start', async (t) => {
  t.timeout(900_000);
  const seen = new Set<string>();
  for (let start = 0; start < 3; start += 1) {
    const { link, stop } = await openWire('qemu-virt');
    t.teardown(stop);
    seen.add(Buffer.from((await link.info()).boot).toString('hex'));
    await stop();
  }
  t.is(seen.size, 3);
});
