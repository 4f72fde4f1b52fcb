/** Kernel updates over the line, on boards with a boot medium: tried, kept, thrown out; and what the medium remembers. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { doors, merkleRoot, TEST_STARTS } from '../../abi/index.ts';
import { boardNamed } from '../../boards/index.ts';
import { buildFor } from '../../cli/virtual.ts';
import {
  keyId,
  type Manifest,
  type Policy,
  requireTool,
  signImage,
  updateFile,
} from '../../firmware/index.ts';
import { slotDisk, writeImage } from '../../firmware/media/index.ts';
import { type SigningKey, signCommand } from '../../firmware/sign.ts';
import { RefusedError, VelocityLink } from '../../link/index.ts';
import { startVirtualBoard, type VirtualBoard } from '../../rig/index.ts';
import { installBytes, patchFor, signPatch, strangersKey, timerProgram } from '../board/programs.ts';
import { hexOf, imageWith } from './policy-board.ts';

const BOOT_TIMEOUT_MS = 60_000;
const RESTART_MS = 380_000;
const owner = strangersKey();
const loop = strangersKey();

/** Images of different policies are different images. */
const policyWith = (swaps: number): Policy => ({
  open: ['upload', 'image', 'reset', 'timer'],
  keys: [
    { key: hexOf(owner), roles: ['patch', 'image'], doors: Object.keys(doors) as (keyof typeof doors)[] },
    { key: hexOf(loop), roles: ['patch'], swaps_per_hour: swaps },
  ],
});

let image: (swaps: number) => Buffer;
let memoryBytes: number;
let measured: Manifest['measured'];

const facts = (sequence: bigint) => ({
  board_class: 'aarch64',
  memory_bytes: memoryBytes,
  build: '0'.repeat(40),
  version: `1.0.${sequence}`,
  sequence,
});

const update = (bytes: Uint8Array, sequence: bigint, key: SigningKey = owner) =>
  updateFile(bytes, signImage(bytes, facts(sequence), key));

/** Resets the board as soon as it is entered: movz w0, #9; movk w0, #0x8400, lsl #16; hvc #0 (PSCI SYSTEM_RESET). */
const hopeless = () => {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt32LE(0x14000010, 0); // b to 64
  for (const [i, word] of [0x52800120, 0x72b08000, 0xd4000002, 0x14000000].entries())
    bytes.writeUInt32LE(word, 64 + 4 * i);
  return bytes;
};

type Bench = { link: VelocityLink; console: string[]; board: VirtualBoard };

let folder: string;
let bench: Bench;

const power = async (): Promise<Bench> => {
  const file = join(folder, 'Image');
  writeFileSync(file, image(1));
  const board = await startVirtualBoard({
    board: boardNamed('qemu-virt'),
    image: file,
    qemu: requireTool('qemu'),
    disk: join(folder, 'disk.img'),
  });
  const console: string[] = [];
  const link = await VelocityLink.open(board.address, {
    readyTimeoutMs: BOOT_TIMEOUT_MS,
    onConsole: (line) => console.push(line),
    signer: (command) => signCommand(command, owner),
  });
  return { link, console, board };
};

const off = async ({ link, board }: Bench) => {
  await link.close();
  await board.stop();
};

test.before(async (t) => {
  t.timeout(120_000);
  const { manifest } = await buildFor(boardNamed('qemu-virt'), () => {});
  image = (swaps) => imageWith(policyWith(swaps));
  memoryBytes = manifest.image.memory_bytes;
  measured = manifest.measured;
  folder = mkdtempSync(join(tmpdir(), 'velocity-update-'));
  await writeImage(join(folder, 'disk.img'), slotDisk());
  bench = await power();
});
test.after.always(async () => {
  if (bench) await off(bench);
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const starts = ({ console }: Bench) => console.filter((line) => line.includes(' ready on ')).length;

const ready = async (before: number) => {
  const deadline = Date.now() + RESTART_MS;
  while (starts(bench) === before) {
    if (Date.now() > deadline) throw new Error(`no start:\n${bench.console.join('\n')}`);
    await delay(20);
  }
};

const restart = async () => {
  const before = starts(bench);
  await bench.link.reset();
  await ready(before);
};

const refused = async (t: ExecutionContext, status: string, work: Promise<unknown>) => {
  const error = await t.throwsAsync(work, { instanceOf: RefusedError });
  t.is(error?.status, status, error?.message);
};

const slots = async () => (await bench.link.images.state()).map(({ slot, state }) => `${slot} ${state}`);

const rootOf = (bytes: Uint8Array) => Buffer.from(merkleRoot(bytes)).toString('hex');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test.serial('a_board_measures_what_the_manifest_says', async (t) => {
  const { root, bytes, slot, storage, image_root } = await bench.link.measured();
  t.is(bytes, measured.bytes);
  t.is(hex(root), rootOf(image(1).subarray(0, bytes)));
  t.not(hex(root), measured.root, 'this image has another policy than the build');
  t.deepEqual([slot, storage, image_root.length], [2, true, 0]);
  t.deepEqual(await slots(), []);
});

/** No image, but signed like one: what is in it nobody looks at before it is started. */
const small = randomBytes(9000);

const broken: Readonly<Record<string, readonly [() => Buffer, string]>> = {
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
    () => updateFile(small, signImage(small, { ...facts(5n), board_class: 'riscv64' }, owner)),
    'wrong_board',
  ],
  'a manifest of a longer image than the slot': [
    () => updateFile(small, signImage(Buffer.alloc(1 << 20), facts(5n), owner)),
    'bad_image',
  ],
};

for (const [what, [make, status]] of Object.entries(broken)) {
  test.serial(`an_update_with_${what.replaceAll(' ', '_')}_is_refused`, async (t) => {
    t.timeout(60_000);
    await refused(t, status, bench.link.images.upload(make()));
    t.deepEqual(await slots(), [], 'the slot stays empty');
  });
}

test.serial('an_update_that_does_not_hash_to_what_was_announced_is_refused', async (t) => {
  const file = update(image(2), 5n);
  const { images } = bench.link;
  await refused(t, 'invalid_argument', images.upload(Buffer.alloc(100)));
  await refused(t, 'no_entry', images.test(createHash('sha256').update(file).digest()));
  await refused(t, 'bad_state', images.confirm());
});

test.serial('an_upload_that_the_power_ended_starts_anew_and_changes_nothing', async (t) => {
  t.timeout(120_000);
  const file = update(image(2), 5n);
  const cut = bench.link.images.upload(file, (done) => {
    if (done > 100_000) bench.board.stop();
  });
  await t.throwsAsync(cut);
  await off(bench);
  bench = await power();
  t.deepEqual(await slots(), []);
  t.is((await bench.link.measured()).slot, 2);
});

test.serial('an_update_is_tried_then_kept', async (t) => {
  t.timeout(180_000);
  const { link } = bench;
  const bytes = image(2);
  await link.images.test(await link.images.upload(update(bytes, 5n)));
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
  t.timeout(60_000);
  await refused(t, 'older_sequence', bench.link.images.upload(update(small, 4n)));
  t.deepEqual(await slots(), ['0 confirmed']);
});

test.serial('an_image_that_does_not_start_is_thrown_out_by_itself', async (t) => {
  t.timeout(180_000);
  const { link, console } = bench;
  await link.images.test(await link.images.upload(update(hopeless(), 6n)));
  const before = console.filter((line) => line.startsWith('start: ')).length;
  await restart();
  const firsts = console.filter((line) => line.startsWith('start: ')).length - before;
  t.true(firsts >= TEST_STARTS, `${firsts} starts`);
  t.is((await link.measured()).slot, 0);
  t.deepEqual(await slots(), ['0 confirmed', '1 rejected']);
});

test.serial('an_image_that_does_not_confirm_itself_is_thrown_out_by_itself', async (t) => {
  t.timeout(400_000);
  const { link, console } = bench;
  await link.images.test(await link.images.upload(update(image(4), 7n)));
  await restart();
  t.is((await link.measured()).slot, 1);
  const upload = link.images.upload(update(small, 8n));
  await refused(t, 'bad_state', upload);
  for (let start = 0; start < TEST_STARTS; start += 1) await ready(starts(bench));
  t.true(console.some((line) => line.includes('slot B did not confirm itself within')));
  t.is((await link.measured()).slot, 0);
  t.deepEqual(await slots(), ['0 confirmed', '1 rejected']);
});

test.serial('sequence_numbers_and_revocations_outlive_a_loss_of_power', async (t) => {
  t.timeout(120_000);
  const program = timerProgram('kept', 'r0 = 2\nexit');
  const patch = async (key: SigningKey) =>
    signPatch(await patchFor(bench.link, { program, name: program.name }), key);
  await installBytes(bench.link, await patch(owner));
  await bench.link.revoke(Buffer.from(keyId(loop.publicKey), 'hex'));
  const { sequence } = await bench.link.info();
  await off(bench);
  bench = await power();
  const [first, second] = await bench.link.keys();
  t.true(first?.kept);
  t.is((await bench.link.info()).sequence, sequence);
  t.true(second?.revoked);
  await refused(t, 'revoked_key', installBytes(bench.link, await patch(loop)));
  t.is((await bench.link.measured()).slot, 0);
});

test.serial('a_slot_whose_contents_were_changed_is_not_started', async (t) => {
  t.timeout(120_000);
  await off(bench);
  const disk = join(folder, 'disk.img');
  const bytes = readFileSync(disk);
  const start = bytes.readUInt32LE(446 + 8) * 512;
  bytes[start + 0x100000 + 50_000]! ^= 1;
  writeFileSync(disk, bytes);
  bench = await power();
  t.is((await bench.link.measured()).slot, 2, 'the image that the firmware starts');
  t.true(bench.console.some((line) => line.includes('slot A does not start')));
});
