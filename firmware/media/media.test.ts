import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SLOT_PARTITION_BYTES, SLOT_PARTITION_TYPE } from '../../abi/index.ts';
import { boardNamed } from '../../boards/index.ts';
import { makeManifest } from '../manifest.ts';
import { bootDisk, bootFiles, noFirmware, type Parts } from './bundle.ts';
import { crc32 } from './crc32.ts';
import { fatVolume } from './fat.ts';
import { aliasChecksum, longEntries, shortName } from './fat-name.ts';
import { gptDisk } from './gpt.ts';
import { guidBytes } from './guid.ts';
import { mbrDisk } from './mbr.ts';
import { missingSentence, readFirmware, vendorTree } from './raspberry-pi.ts';
import { flatten, hashOf, sparseImage } from './sparse.ts';
import { writeFolder, writeImage } from './write.ts';

const temporary = (t: ExecutionContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-media-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const image = Buffer.from('kernel');
const parts: Parts = {
  image,
  manifest: makeManifest({
    version: '1.2.3',
    buildId: '00',
    file: 'Image',
    image,
    memoryBytes: 1,
    measuredBytes: 1,
    publicKey: new Uint8Array(32),
    signed: new Uint8Array(1),
  }),
  firmware: noFirmware,
};

const text = (files: readonly { path: string; bytes: Uint8Array }[], path: string) =>
  Buffer.from(files.find((file) => file.path === path)!.bytes).toString();

test('crc32_of_the_check_string', (t) => {
  t.is(crc32(Buffer.from('123456789')), 0xcbf43926);
});

test('guids_have_three_little_endian_groups', (t) => {
  t.is(guidBytes('C12A7328-F81F-11D2-BA4B-00A0C93EC93B').toString('hex'), '28732ac11ff8d211ba4b00a0c93ec93b');
});

const aliases: readonly [string, readonly string[], string][] = [
  ['Image', [], 'IMAGE      '],
  ['kernel8.img', [], 'KERNEL8 IMG'],
  ['bcm2711-rpi-4-b.dtb', [], 'BCM271~1DTB'],
  ['bcm2711-rpi-400.dtb', ['BCM271~1DTB'], 'BCM271~2DTB'],
  ['a+b.c.txt', [], 'A_BC~1  TXT'],
  ['.profile', [], 'PROFIL~1   '],
];

test('short_names_are_unique_and_allowed', (t) => {
  for (const [name, taken, alias] of aliases) t.is(shortName(name, new Set(taken)), alias);
});

test('long_names_end_first_and_carry_the_checksum_of_the_alias', (t) => {
  const alias = 'BCM271~1DTB';
  const entries = longEntries('bcm2711-rpi-4-b.dtb', alias);
  t.deepEqual(
    entries.map((entry) => entry[0]),
    [0x42, 0x01],
  );
  t.true(entries.every((entry) => entry[13] === aliasChecksum(alias)));
  t.is(entries[1]!.readUInt16LE(1), 'b'.charCodeAt(0));
  t.deepEqual(longEntries('BOOTAA64.EFI', 'BOOTAA64EFI'), []);
});

test('the_checksum_of_an_alias_is_that_of_the_specification', (t) => {
  t.is(aliasChecksum('THEQUI~1FOX'), 0x07); // Microsoft's example, "The quick brown.fox"
});

for (const path of ['a/../b', '/a', 'a//b', '', 'a:b', 'x'.repeat(256), 'dot.', 'nul\0']) {
  test(`the_path_${JSON.stringify(path).slice(0, 12)}_is_refused`, (t) => {
    t.throws(() => fatVolume({ files: [{ path, bytes: image }], label: 'X' }), { name: 'MediaError' });
  });
}

test('names_that_differ_in_case_only_are_refused', (t) => {
  const files = ['Image', 'IMAGE'].map((path) => ({ path, bytes: image }));
  t.throws(() => fatVolume({ files, label: 'X' }), { message: /twice/ });
});

test('a_file_that_is_also_a_folder_is_refused', (t) => {
  const files = ['efi', 'EFI/BOOT'].map((path) => ({ path, bytes: image }));
  t.throws(() => fatVolume({ files, label: 'X' }), { message: /a file and a folder/ });
});

test('the_same_files_in_any_order_make_the_same_volume', (t) => {
  const files = ['b', 'a/c', 'a/b'].map((path) => ({ path, bytes: Buffer.from(path) }));
  const first = hashOf(fatVolume({ files, label: 'X' }));
  t.is(hashOf(fatVolume({ files: [...files].reverse(), label: 'X' })), first);
  t.not(hashOf(fatVolume({ files: [...files, { path: 'd', bytes: image }], label: 'X' })), first);
});

test('a_volume_grows_with_its_files', (t) => {
  const volume = fatVolume({ files: [{ path: 'big', bytes: Buffer.alloc(40 << 20, 1) }], label: 'X' });
  t.is(volume.bytes, 72 << 20);
});

test('extents_that_overlap_or_leave_the_image_are_refused', (t) => {
  const bytes = new Uint8Array(8);
  t.throws(
    () =>
      sparseImage(
        16,
        [4, 8].map((offset) => ({ offset, bytes })),
      ),
    { message: /overlap/ },
  );
  t.throws(() => sparseImage(16, [{ offset: 12, bytes }]), { message: /ends at byte 20/ });
});

test('the_gpt_headers_point_at_each_other_and_match_their_checksums', (t) => {
  const disk = flatten(gptDisk(sparseImage(1 << 20, []), { type: 'efi', name: 'x' }));
  const last = disk.length / 512 - 1;
  for (const [self, other] of [
    [1, last],
    [last, 1],
  ] as const) {
    const header = Buffer.from(disk.subarray(self * 512, self * 512 + 92));
    const said = header.readUInt32LE(16);
    header.writeUInt32LE(0, 16);
    t.is(said, crc32(header));
    t.deepEqual([header.readBigUInt64LE(24), header.readBigUInt64LE(32)], [BigInt(self), BigInt(other)]);
    const table = Number(header.readBigUInt64LE(72)) * 512;
    t.is(header.readUInt32LE(88), crc32(disk.subarray(table, table + 128 * 128)));
  }
});

test('the_mbr_entry_covers_the_volume', (t) => {
  const disk = flatten(mbrDisk(sparseImage(1 << 20, [])));
  t.deepEqual(
    [disk[446], disk[450], disk.readUInt32LE(454), disk.readUInt32LE(458)],
    [0x80, 0x0c, 8192, 2048],
  );
  t.deepEqual(
    [disk[466], disk.readUInt32LE(470), disk.readUInt32LE(474)],
    [SLOT_PARTITION_TYPE, 8192 + 2048, SLOT_PARTITION_BYTES / 512],
    'room for kernel updates',
  );
  t.is(disk.length, (5 << 20) + SLOT_PARTITION_BYTES);
});

test('a_card_that_is_written_anew_forgets_the_updates_that_it_held', (t) => {
  const start = (8192 + 2048) * 512;
  const { extents } = mbrDisk(sparseImage(1 << 20, []));
  t.true(
    extents.some(
      ({ offset, bytes }) => offset === start && bytes.length >= 8192 && bytes.every((b) => b === 0),
    ),
  );
});

test('a_pi_boots_our_tree_only_without_the_vendors', (t) => {
  const tree = Buffer.from('tree');
  const own = bootFiles(boardNamed('rpi4b'), { ...parts, tree });
  t.regex(text(own, 'config.txt'), /^device_tree=rpi4b\.dtb$/m);
  const vendor = { files: [{ path: 'bcm2711-rpi-4-b.dtb', bytes: tree }], missing: [] };
  const theirs = bootFiles(boardNamed('rpi4b'), { ...parts, tree, firmware: vendor });
  t.regex(text(theirs, 'config.txt'), /^device_tree=bcm2711-rpi-4-b\.dtb$/m);
  t.false(theirs.some(({ path }) => path === 'rpi4b.dtb'));
});

test('the_clock_of_the_mini_uart_has_one_frequency', (t) => {
  const config = (board: string) => text(bootFiles(boardNamed(board), parts), 'config.txt');
  for (const board of ['rpi3b', 'rpi3a-plus', 'rpi-zero2w', 'cm3'])
    t.regex(config(board), /^core_freq=250$/m, board); // the lowest is 250 MHz by default
  for (const board of ['rpi4b', 'rpi400', 'cm4']) t.regex(config(board), /^core_freq_min=500$/m, board); // the highest is 500 MHz by default
  for (const board of ['rpi5', 'cm5']) t.notRegex(config(board), /core_freq/, board);
  for (const board of ['rpi3b', 'rpi4b', 'rpi5']) t.regex(config(board), /^initial_turbo=0$/m, board);
});

test('our_own_tree_finds_the_pl011_on_the_header_and_at_its_clock', (t) => {
  const said = (tree: { tree?: Buffer }) =>
    text(bootFiles(boardNamed('rpi4b'), { ...parts, ...tree }), 'config.txt').split('\n');
  const lines = ['init_uart_clock=48000000', 'gpio=14,15=a0', 'gpio=32,33=ip'];
  t.deepEqual(
    said({ tree: Buffer.from('tree') }).filter((line) => lines.includes(line)),
    lines,
  );
  t.false(said({}).some((line) => lines.includes(line)));
});

test('only_a_pi_5_skips_the_check_of_the_operating_system', (t) => {
  t.regex(text(bootFiles(boardNamed('rpi5'), parts), 'config.txt'), /^os_check=0$/m);
  t.notRegex(text(bootFiles(boardNamed('rpi4b'), parts), 'config.txt'), /os_check/);
});

test('the_manifest_on_the_medium_names_the_kernel_there', (t) => {
  const fileOf = (board: string) =>
    JSON.parse(text(bootFiles(boardNamed(board), parts), 'velocity.json')).image.file;
  t.is(fileOf('rpi3b'), 'kernel8.img');
  t.is(fileOf('jetson-orin-nano'), 'EFI/BOOT/BOOTAA64.EFI');
  t.is(fileOf('jetson-nano'), 'Image');
});

test('firmware_that_is_not_named_is_missing_and_where_it_is_gets_said', (t) => {
  const { missing } = readFirmware(boardNamed('cm4'), undefined);
  t.deepEqual(missing, ['start4.elf', 'fixup4.dat', 'bcm2711-rpi-cm4.dtb']);
  t.regex(missingSentence(boardNamed('cm4'), missing), /without start4\.elf.*github\.com.*--firmware-dir/);
});

test('a_firmware_folder_that_lacks_a_file_is_refused_by_its_name', (t) => {
  const folder = temporary(t);
  writeFileSync(join(folder, 'start4.elf'), 'x');
  const error = t.throws(() => readFirmware(boardNamed('rpi4b'), folder), { name: 'MediaError' });
  t.regex(error.message, /lacks fixup4\.dat$/);
  writeFileSync(join(folder, 'fixup4.dat'), 'x');
  t.deepEqual(
    readFirmware(boardNamed('rpi4b'), folder).files.map(({ path }) => path),
    ['start4.elf', 'fixup4.dat'],
  );
  t.throws(() => readFirmware(boardNamed('rpi4b'), join(folder, 'nowhere')), { message: /does not exist/ });
});

test('a_pi_5_is_not_given_a_tree_of_its_first_chip_alone', async (t) => {
  // the BCM2712 D0 has its console on another interrupt; the firmware lays the overlay over the tree by itself where it is there
  const trees = { rpi5: 'bcm2712-rpi-5-b.dtb', cm5: 'bcm2712-rpi-cm5-cm5io.dtb' };
  const overlay = 'overlays/bcm2712d0.dtbo';
  for (const [name, tree] of Object.entries(trees)) {
    const board = boardNamed(name);
    const folder = temporary(t);
    writeFileSync(join(folder, tree), 'tree');
    const read = (path: string) => (path === tree ? Buffer.from('tree') : undefined);
    const lacks = { message: /lacks overlays\/bcm2712d0\.dtbo$/ };
    t.throws(() => readFirmware(board, folder), lacks);
    await t.throwsAsync(vendorTree(board, { describe: folder, read }), lacks);
    mkdirSync(join(folder, 'overlays'));
    writeFileSync(join(folder, overlay), 'overlay');
    const onCard = readFirmware(board, folder).files.map(({ path }) => path);
    t.deepEqual(onCard.sort(), [tree, overlay].sort());
    const overUsb = await vendorTree(board, { describe: folder, read: (path) => Buffer.from(path) });
    t.deepEqual(
      overUsb.files.map(({ path }) => path),
      [tree, overlay],
    );
  }
});

test('a_written_image_is_the_image_with_its_holes', async (t) => {
  const disk = bootDisk(boardNamed('rpi3b'), parts);
  const path = join(temporary(t), 'disk.img');
  t.is(await writeImage(path, disk), hashOf(disk));
  t.true(readFileSync(path).equals(flatten(disk)));
});

test('a_folder_with_somebody_elses_files_is_left_alone', (t) => {
  const folder = temporary(t);
  const files = bootFiles(boardNamed('rpi3b'), parts);
  writeFileSync(join(folder, 'notes.txt'), 'mine');
  t.throws(() => writeFolder(folder, files), { message: /was not written by velocity/ });
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  writeFolder(empty, files);
  writeFolder(empty, files);
  t.is(readFileSync(join(empty, 'kernel8.img'), 'utf8'), 'kernel');
});

test('a_folder_that_was_cut_short_may_be_written_again', (t) => {
  const folder = temporary(t);
  const [first, ...others] = bootFiles(boardNamed('rpi3b'), parts);
  t.throws(() => writeFolder(folder, [first!, { path: `${first!.path}/below`, bytes: image }, ...others]));
  t.true(readFileSync(join(folder, first!.path)).equals(first!.bytes));
  t.notThrows(() => writeFolder(folder, [first!, ...others]));
});

test('a_device_or_folder_is_not_written_over_as_a_file', async (t) => {
  await t.throwsAsync(writeImage('/dev/null', sparseImage(512, [])), { message: /not a plain file/ });
});
