/** Kernel updates on the SD card of a Raspberry Pi: tried, kept, thrown out, cut, and what the card remembers. Emulated. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { virtualBoards } from '../../boards/index.ts';
import { findTool, keyId } from '../../firmware/index.ts';
import { RefusedError } from '../../link/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { installBytes, patchFor, signPatch, timerProgram } from '../board/programs.ts';
import { recordedWrites, torn } from './recorded-disk.ts';
import { startsAfterCuts } from './replayed.ts';
import { hex, image, loop, owner, rootOf, UpdateBoard } from './update-board.ts';

/** Is started at each cut that changes what it starts; the others at the first of them. */
const startedOften = 'rpi3b';

/** Upper half of the address of the power management block (BCM2835 and BCM2711 ARM peripherals). */
const powerBlock: Readonly<Record<string, number>> = { rpi3b: 0x3f10, rpi4b: 0xfe10 };

/**
 * Resets the board as soon as it is entered, by the watchdog of its power management block:
 * movz x0, #block, lsl #16; movz w1, #0x5a00, lsl #16; movk w1, #10; str w1, [x0, #0x24]; movk w1, #0x20; str w1, [x0, #0x1c]
 */
const hopeless = (board: string) => {
  const bytes = Buffer.alloc(8192);
  const words = [
    (0xd2a00000 | (powerBlock[board]! << 5)) >>> 0,
    0x52ab4001,
    0x72800141,
    0xb9002401,
    0x72800401,
    0xb9001c01,
    0x14000000,
  ];
  bytes.writeUInt32LE(0x14000010, 0); // b to 64
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, 64 + 4 * i);
  return bytes;
};

for (const entry of virtualBoards.filter(({ bootPath }) => bootPath === 'raspberry-pi')) {
  const { name } = entry;
  const reason = unavailableReason(entry, findTool('qemu'));
  if (reason) {
    test.skip(`${name} is skipped: ${reason}`, () => {});
    continue;
  }
  let board: UpdateBoard;
  test.after.always(() => board?.close());

  test.serial(`${name}_keeps_sequence_numbers_and_revocations_on_its_card`, async (t) => {
    t.timeout(900_000);
    board = await UpdateBoard.open(name);
    t.true((await board.link.measured()).storage);
    const program = timerProgram('kept', 'r0 = 2\nexit');
    const patch = async (key: typeof owner) =>
      signPatch(await patchFor(board.link, { program, name: program.name }), key);
    await installBytes(board.link, await patch(owner));
    await board.link.revoke(Buffer.from(keyId(loop.publicKey), 'hex'));
    const { sequence } = await board.link.info();
    await board.restart();
    t.is((await board.link.info()).sequence, sequence, 'after a reset');
    await board.off();
    copyFileSync(board.disk, board.file('before'));
    await board.power(board.file('record'));
    t.is((await board.link.info()).sequence, sequence, 'after the power was off');
    const refused = await t.throwsAsync(installBytes(board.link, await patch(loop)), {
      instanceOf: RefusedError,
    });
    t.is(refused?.status, 'revoked_key');
  });

  const updates: Uint8Array[] = [];

  test.serial(`${name}_tries_an_update_on_its_card_and_keeps_it`, async (t) => {
    t.timeout(900_000);
    const bytes = image(2);
    updates.push(board.update(bytes, 5n));
    await board.link.images.test(await board.link.images.upload(updates[0]!));
    await board.restart();
    const tried = await board.link.measured();
    t.is(tried.slot, 0);
    t.is(hex(tried.image_root), rootOf(bytes));
    t.is((await board.link.info()).cores, 4);
    await board.link.images.confirm();
    t.deepEqual(await board.slots(), ['0 confirmed']);
  });

  test.serial(`${name}_throws_out_an_image_on_its_card_that_does_not_start`, async (t) => {
    t.timeout(900_000);
    updates.push(board.update(hopeless(name), 6n));
    await board.link.images.test(await board.link.images.upload(updates[1]!));
    await board.restart();
    t.is((await board.link.measured()).slot, 0);
    t.deepEqual(await board.slots(), ['0 confirmed', '1 rejected']);
  });

  test.serial(`${name}_starts_whole_after_a_cut_at_every_write_to_its_card`, async (t) => {
    t.timeout(900_000);
    await board.off();
    const writes = recordedWrites(board.file('record'));
    const before = readFileSync(board.file('before'));
    t.true(torn(before, [...writes, writes.at(-1)!]).equals(readFileSync(board.disk)), 'nothing is missing');
    const cuts = await startsAfterCuts(board, updates, t.log);
    t.is(cuts.length, writes.length);
    t.log(`${cuts.length} writes, each cut in 3 ways`);
    // The board itself does what its code did on this machine: in an upload, and where a record changes what is started.
    const changes = cuts.flatMap(([, , starts], i) => (i > 0 && starts !== cuts[i - 1]![2] ? [i] : []));
    t.true(changes.length > 1);
    for (const cut of [100, ...(name === startedOften ? changes : changes.slice(0, 1))]) {
      writeFileSync(board.disk, torn(before, writes.slice(0, cut + 1)));
      await board.power();
      const { slot, root } = await board.link.measured();
      t.log(`write ${cut}, sector ${cuts[cut]![1]}: starts ${cuts[cut]![2]}, ends in slot ${slot}`);
      t.is(slot, cuts[cut]![2] === '-' ? 2 : 0);
      t.is(hex(root), rootOf(image(slot === 2 ? 1 : 2).subarray(0, board.measured.bytes)));
      await board.off();
    }
  });
}
