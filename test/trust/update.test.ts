/** Kernel updates over the line, on boards with a boot medium: tried, kept, thrown out; and what the medium remembers. */
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { TEST_STARTS } from '../../abi/index.ts';
import { keyId, signImage, updateFile } from '../../firmware/index.ts';
import type { SigningKey } from '../../firmware/sign.ts';
import { RefusedError } from '../../link/index.ts';
import { installBytes, patchFor, signPatch, strangersKey, timerProgram } from '../board/programs.ts';
import { recordedWrites, torn } from './recorded-disk.ts';
import { startsAfterCuts } from './replayed.ts';
import { hex, image, loop, owner, rootOf, UpdateBoard } from './update-board.ts';

/** Resets the board as soon as it is entered: movz w0, #9; movk w0, #0x8400, lsl #16; hvc #0 (PSCI SYSTEM_RESET). */
const hopeless = () => {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt32LE(0x14000010, 0); // b to 64
  for (const [i, word] of [0x52800120, 0x72b08000, 0xd4000002, 0x14000000].entries())
    bytes.writeUInt32LE(word, 64 + 4 * i);
  return bytes;
};

/** A period of the timer hook while nothing happens. */
const RESTING_US = 1_000_000;

let board: UpdateBoard;

const update = (bytes: Uint8Array, sequence: bigint, key?: SigningKey) => board.update(bytes, sequence, key);
const restart = () => board.restart();
const slots = () => board.slots();

test.before(async (t) => {
  t.timeout(400_000);
  board = await UpdateBoard.open('qemu-virt');
});
test.after.always(() => board?.close());

const refused = async (t: ExecutionContext, status: string, work: Promise<unknown>) => {
  const error = await t.throwsAsync(work, { instanceOf: RefusedError });
  t.is(error?.status, status, error?.message);
};

test.serial('a_board_measures_what_the_manifest_says', async (t) => {
  const { root, bytes, slot, storage, image_root } = await board.link.measured();
  t.is(bytes, board.measured.bytes);
  t.is(hex(root), rootOf(image(1).subarray(0, bytes)));
  t.not(hex(root), board.measured.root, 'this image has another policy than the build');
  t.deepEqual([slot, storage, image_root.length], [2, true, 0]);
  t.deepEqual(await slots(), []);
});

/** No image, but signed like one: what is in it nobody looks at before it is started. */
const small = randomBytes(9000);

const broken: Readonly<Record<string, readonly [() => Uint8Array, string]>> = {
  'the signature of a key that signs no images': [() => update(small, 5n, loop), 'key_role'],
  'the signature of an unknown key': [() => update(small, 5n, strangersKey()), 'unknown_key'],
  'a flipped bit in the image': [
    () => {
      const file = update(small, 5n);
      file[10_000]! ^= 4;
      return file;
    },
    'image_root',
  ],
  'a flipped bit in the manifest': [
    () => {
      const file = update(small, 5n);
      file[100]! ^= 4;
      return file;
    },
    'bad_signature',
  ],
  'no manifest': [() => Buffer.concat([Buffer.alloc(4096), small]), 'bad_image'],
  'another board class': [
    () => updateFile(small, signImage(small, { ...board.facts(5n), board_class: 'riscv64' }, owner)),
    'wrong_board',
  ],
  'a manifest of a longer image than the slot': [
    () => updateFile(small, signImage(Buffer.alloc(1 << 20), board.facts(5n), owner)),
    'bad_image',
  ],
};

for (const [what, [make, status]] of Object.entries(broken)) {
  test.serial(`an_update_with_${what.replaceAll(' ', '_')}_is_refused`, async (t) => {
    t.timeout(300_000);
    await refused(t, status, board.link.images.upload(make()));
    t.deepEqual(await slots(), [], 'the slot stays empty');
  });
}

test.serial('an_update_that_does_not_hash_to_what_was_announced_is_refused', async (t) => {
  const file = update(image(2), 5n);
  const { images } = board.link;
  await refused(t, 'invalid_argument', images.upload(Buffer.alloc(100)));
  await refused(t, 'no_entry', images.test(createHash('sha256').update(file).digest()));
  await refused(t, 'bad_state', images.confirm());
});

test.serial('an_upload_that_the_power_ended_starts_anew_and_changes_nothing', async (t) => {
  t.timeout(300_000);
  const file = update(image(2), 5n);
  const cut = board.link.images.upload(file, (done) => {
    if (done > 100_000) board.cut();
  });
  await t.throwsAsync(cut);
  await board.off();
  copyFileSync(board.disk, board.file('before'));
  await board.power(board.file('record'));
  t.deepEqual(await slots(), []);
  t.is((await board.link.measured()).slot, 2);
});

/** What is tried and kept, then what is tried and thrown out. */
const updates: Uint8Array[] = [];

test.serial('an_update_is_tried_then_kept', async (t) => {
  t.timeout(300_000);
  const { link } = board;
  const bytes = image(2);
  updates.push(update(bytes, 5n));
  await link.images.test(await link.images.upload(updates[0]!));
  t.deepEqual(await slots(), ['0 test']);
  await restart();
  const tried = await link.measured();
  t.is(tried.slot, 0);
  t.is(hex(tried.image_root), rootOf(bytes));
  t.is(hex(tried.root), rootOf(bytes.subarray(0, tried.bytes)));
  t.true(tried.confirm_in_s > 0);
  t.is((await link.info()).cores, 4);
  await link.images.confirm();
  t.is((await link.measured()).confirm_in_s, 0);
  t.deepEqual(await slots(), ['0 confirmed']);
  await restart();
  t.is((await link.measured()).slot, 0);
});

test.serial('an_image_older_than_the_confirmed_one_is_refused', async (t) => {
  t.timeout(300_000);
  await refused(t, 'older_sequence', board.link.images.upload(update(small, 4n)));
  t.deepEqual(await slots(), ['0 confirmed']);
});

test.serial('an_image_that_does_not_start_is_thrown_out_by_itself', async (t) => {
  t.timeout(300_000);
  const { link, console } = board;
  updates.push(update(hopeless(), 6n));
  await link.images.test(await link.images.upload(updates[1]!));
  const before = console.filter((line) => line.startsWith('start: ')).length;
  await restart();
  const firsts = console.filter((line) => line.startsWith('start: ')).length - before;
  t.true(firsts >= TEST_STARTS, `${firsts} starts`);
  t.is((await link.measured()).slot, 0);
  t.deepEqual(await slots(), ['0 confirmed', '1 rejected']);
});

test.serial('the_board_starts_whole_after_a_cut_at_every_write_to_its_disk', async (t) => {
  t.timeout(300_000);
  const writes = recordedWrites(board.file('record'));
  const whole = torn(readFileSync(board.file('before')), [...writes, writes.at(-1)!]);
  t.true(whole.equals(readFileSync(board.disk)), 'nothing is missing');
  await board.off(); // its clock counts: idle, it would take a processor meanwhile
  const cuts = await startsAfterCuts(board, updates, t.log);
  await board.power();
  t.is(cuts.length, writes.length);
  t.deepEqual(new Set(cuts.map(([, , starts]) => starts)), new Set(['-', 'a', 'b'] as const));
  t.log(`${cuts.length} writes, each cut in 3 ways`);
});

test.serial('an_image_that_does_not_confirm_itself_is_thrown_out_by_itself', async (t) => {
  t.timeout(1_200_000);
  const { link, console } = board;
  await link.images.test(await link.images.upload(update(image(4), 7n)));
  await restart();
  t.is((await link.measured()).slot, 1);
  const upload = link.images.upload(update(small, 8n));
  await refused(t, 'bad_state', upload);
  for (let start = 0; start < TEST_STARTS; start += 1) {
    const before = board.starts();
    await link.timer(RESTING_US); // minutes without a tick pass sooner
    await board.ready(before);
  }
  t.true(console.some((line) => line.includes('slot B did not confirm itself within')));
  t.is((await link.measured()).slot, 0);
  t.deepEqual(await slots(), ['0 confirmed', '1 rejected']);
});

test.serial('sequence_numbers_and_revocations_outlive_a_loss_of_power', async (t) => {
  t.timeout(300_000);
  const program = timerProgram('kept', 'r0 = 2\nexit');
  const patch = async (key: SigningKey) =>
    signPatch(await patchFor(board.link, { program, name: program.name }), key);
  await installBytes(board.link, await patch(owner));
  await board.link.revoke(Buffer.from(keyId(loop.publicKey), 'hex'));
  const { sequence } = await board.link.info();
  await board.off();
  await board.power();
  const [first, second] = await board.link.keys();
  t.true(first?.kept);
  t.is((await board.link.info()).sequence, sequence);
  t.true(second?.revoked);
  await refused(t, 'revoked_key', installBytes(board.link, await patch(loop)));
  t.is((await board.link.measured()).slot, 0);
});

test.serial('a_slot_whose_contents_were_changed_is_not_started', async (t) => {
  t.timeout(300_000);
  await board.off();
  const { disk } = board;
  const bytes = readFileSync(disk);
  const start = bytes.readUInt32LE(446 + 8) * 512;
  bytes[start + 0x100000 + 50_000]! ^= 1;
  writeFileSync(disk, bytes);
  await board.power();
  t.is((await board.link.measured()).slot, 2, 'the image that the firmware starts');
  t.true(board.console.some((line) => line.includes('slot A does not start')));
});
