/** Kernel updates on the SD card of a Raspberry Pi: tried, kept, cut, and what the card remembers. Emulated. */
import test from 'ava';
import { virtualBoards } from '../../boards/index.ts';
import { findTool, keyId } from '../../firmware/index.ts';
import { RefusedError } from '../../link/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { installBytes, patchFor, signPatch, timerProgram } from '../board/programs.ts';
import { hex, image, loop, owner, rootOf, UpdateBoard } from './update-board.ts';

/** The whole way, and the power that fails in it; the other board shows that its card is driven too. */
const whole = ['rpi3b'];

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
    t.timeout(400_000);
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
    await board.power();
    t.is((await board.link.info()).sequence, sequence, 'after the power was off');
    const refused = await t.throwsAsync(installBytes(board.link, await patch(loop)), {
      instanceOf: RefusedError,
    });
    t.is(refused?.status, 'revoked_key');
    if (!whole.includes(name)) await board.close();
  });

  if (!whole.includes(name)) continue;

  test.serial(`${name}_tries_an_update_on_its_card_and_keeps_it`, async (t) => {
    t.timeout(300_000);
    const bytes = image(2);
    await board.link.images.test(await board.link.images.upload(board.update(bytes, 5n)));
    await board.restart();
    const tried = await board.link.measured();
    t.is(tried.slot, 0);
    t.is(hex(tried.image_root), rootOf(bytes));
    t.is((await board.link.info()).cores, 4);
    await board.link.images.confirm();
    t.deepEqual(await board.slots(), ['0 confirmed']);
  });

  test.serial(`${name}_starts_what_it_had_after_the_power_failed_in_an_upload_to_its_card`, async (t) => {
    t.timeout(300_000);
    const upload = board.link.images.upload(board.update(image(3), 6n), (done) => {
      if (done > 50_000) void board.cut();
    });
    await t.throwsAsync(upload);
    await board.off();
    await board.power();
    t.is((await board.link.measured()).slot, 0);
    t.deepEqual(await board.slots(), ['0 confirmed']);
  });
}
