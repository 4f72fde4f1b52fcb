/** The commands around kernel updates, against a virtual board with a medium. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { buildFor } from '../../cli/virtual.ts';
import { paths, requireTool } from '../../firmware/index.ts';
import { slotDisk, writeImage } from '../../firmware/media/index.ts';
import { ImageError, readImage } from '../../flasher/index.ts';
import { startVirtualBoard } from '../../rig/index.ts';
import { devKey, strangersKey } from '../board/programs.ts';
import { imageWith } from './policy-board.ts';
import { policyWith } from './update-board.ts';

const folder = temporaryFolder();

test.serial('an_update_is_made_sent_tried_and_kept_by_one_command', async (t) => {
  t.timeout(300_000);
  await buildFor(boardNamed('qemu-virt'), () => {});
  const disk = join(folder, 'disk.img');
  const image = join(folder, 'Image');
  copyFileSync(paths.image, image);
  await writeImage(disk, slotDisk());
  const board = await startVirtualBoard({
    board: boardNamed('qemu-virt'),
    image,
    disk,
    qemu: requireTool('qemu'),
  });
  t.teardown(board.stop);
  const at = ['--port', board.address];
  const before = jsonLines(await velocity(...at, 'update', 'status', '--json'));
  t.like(before.at(-1), { event: 'runs', slot: 2, storage: true });
  const file = join(folder, 'kernel.update');
  t.is((await velocity('update', 'make', '--out', file)).exit, 0);
  const sent = await velocity(...at, 'update', 'send', file);
  t.is(sent.exit, 0, sent.stderr);
  t.regex(sent.stdout, /slot A .* confirmed, runs, started by default/);
  t.regex(sent.stdout, /runs slot A, measured [0-9a-f]{16}$/m);
  const again = await velocity(...at, 'update', 'confirm');
  t.is(again.exit, 8);
  t.regex(again.stderr, /what runs is not under test/);
  const doctor = await velocity(...at, 'doctor');
  t.regex(doctor.stdout, /image of the board +build [0-9a-f]{40}, measured as built/);
  const older = await velocity(...at, 'update', 'send', '--sequence', '1');
  t.is(older.exit, 8);
  t.regex(older.stderr, /older_sequence: image 1; the one before is \d+\n +hint: .* clock .* --sequence/);
});

test.serial('an_image_is_flashed_into_memory_again_after_another_one_was', async (t) => {
  t.timeout(300_000);
  const image = join(folder, 'First');
  copyFileSync(paths.image, image);
  const board = await startVirtualBoard({ board: boardNamed('qemu-virt'), image, qemu: requireTool('qemu') });
  t.teardown(board.stop);
  const policy = join(folder, 'policy.json');
  const key = Buffer.from(devKey().publicKey).toString('hex');
  const all = ['modules', 'maps', 'reset', 'image'];
  writeFileSync(
    policy,
    JSON.stringify({ open: ['upload', 'reset', 'image'], keys: [{ key, roles: ['image'], doors: all }] }),
  );
  const roots: unknown[] = [];
  for (const more of [[], ['--policy', policy], []]) {
    const { exit, stderr } = await velocity('flash', '--port', board.address, ...more);
    t.is(exit, 0, stderr);
    const status = await velocity('update', 'status', '--port', board.address, '--json');
    roots.push(jsonLines(status).at(-1)!.image_root);
  }
  t.is(roots[0], roots[2]);
  t.not(roots[0], roots[1]);
});

test.serial('doctor_tells_a_board_that_measures_otherwise_than_what_was_built', async (t) => {
  t.timeout(300_000);
  const image = join(folder, 'Other');
  writeFileSync(image, imageWith(policyWith(7))); // of the same build
  const board = await startVirtualBoard({ board: boardNamed('qemu-virt'), image, qemu: requireTool('qemu') });
  t.teardown(board.stop);
  const { exit, stdout } = await velocity('--port', board.address, 'doctor');
  t.is(exit, 9);
  t.regex(stdout, /^differs +image of the board +build [0-9a-f]{40}, but measured otherwise: /m);
});

test.serial('an_image_that_another_key_signed_or_that_changed_is_not_put_anywhere', (t) => {
  const manifest = join(folder, 'manifest.json');
  const whole = JSON.parse(readFileSync(paths.manifest, 'utf8'));
  const bytes = readFileSync(paths.image);
  writeFileSync(join(folder, whole.image.file), bytes);
  const written = (change: object) => {
    writeFileSync(manifest, JSON.stringify({ ...whole, ...change }));
    return manifest;
  };
  const own = devKey().publicKey;
  t.notThrows(() => readImage(written({}), own));
  const refused = (change: object, reason: RegExp, key = own) =>
    t.throws(() => readImage(written(change), key), { instanceOf: ImageError, message: reason });
  refused({}, /is signed by key [0-9a-f]{16}, not by/, strangersKey().publicKey);
  refused({ signed: undefined }, /has no signature/);
  const signed = Buffer.from(whole.signed, 'base64');
  signed[signed.length - 1]! ^= 1;
  refused({ signed: signed.toString('base64') }, /does not hold/);
  refused({ merkle: { ...whole.merkle, root: '00'.repeat(32) } }, /Merkle root differs/);
  t.true(existsSync(manifest));
});
