/** `velocity image` from the command line, with what can go wrong there. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { exitCodes } from '../../cli/exit-codes.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';

const image = (...argv: string[]) => velocity('image', ...argv, '--json');

test('a_disk_image_is_reported_with_its_hash', async (t) => {
  const out = join(temporaryFolder(), 'deep/orin.img');
  const result = await image('--board', 'jetson-orin-nano', '--kind', 'disk', '--out', out);
  t.is(result.exit, 0, result.stderr);
  const sha256 = createHash('sha256').update(readFileSync(out)).digest('hex');
  const bytes = statSync(out).size;
  t.like(jsonLines(result).at(-1), { event: 'image', kind: 'disk', path: out, bytes, sha256, missing: [] });
  t.deepEqual(readdirSync(join(out, '..')), ['orin.img'], 'nothing else is left');
});

test('a_pi_folder_without_firmware_is_made_and_says_what_is_missing', async (t) => {
  const out = join(temporaryFolder(), 'boot');
  const result = await image('--board', 'rpi4b', '--kind', 'folder', '--out', out);
  t.is(result.exit, 0, result.stderr);
  t.deepEqual(jsonLines(result).at(-1)!.missing, ['start4.elf', 'fixup4.dat']);
  t.regex(result.stderr, /does not start from this medium without start4\.elf, fixup4\.dat.*--firmware-dir/);
  t.deepEqual(readdirSync(out).sort(), ['config.txt', 'kernel8.img', 'rpi4b.dtb', 'velocity.json']);
});

test('firmware_is_taken_from_the_folder_that_is_named', async (t) => {
  const folder = temporaryFolder();
  const firmware = join(folder, 'firmware');
  mkdirSync(firmware);
  for (const name of ['start4.elf', 'fixup4.dat', 'bcm2711-rpi-cm4.dtb'])
    writeFileSync(join(firmware, name), name);
  const out = join(folder, 'boot');
  const named = ['--board', 'cm4', '--kind', 'folder', '--firmware-dir', firmware];
  const result = await image(...named, '--out', out);
  t.is(result.exit, 0, result.stderr);
  t.is(readFileSync(join(out, 'fixup4.dat'), 'utf8'), 'fixup4.dat');
  t.regex(readFileSync(join(out, 'config.txt'), 'utf8'), /^device_tree=bcm2711-rpi-cm4\.dtb$/m);
});

const wrong: Readonly<Record<string, readonly [string[], keyof typeof exitCodes, RegExp]>> = {
  unknown_board: [['--board', 'rpi9', '--out', 'x'], 'usage', /there are qemu-virt, rpi3b/],
  unknown_kind: [['--kind', 'iso', '--out', 'x'], 'usage', /Allowed choices are folder, disk, esp, boot-img/],
  no_output: [['--board', 'rpi3b'], 'usage', /--out/],
  firmware_for_a_jetson: [
    ['--board', 'jetson-nano', '--firmware-dir', '/', '--out', 'x'],
    'usage',
    /is for Raspberry Pi firmware/,
  ],
  no_firmware_folder: [
    ['--board', 'rpi4b', '--firmware-dir', '/nowhere', '--out', 'x'],
    'bad_file',
    /\/nowhere does not exist[\s\S]*github\.com\/raspberrypi\/firmware/,
  ],
  device_as_output: [['--board', 'qemu-virt', '--out', '/dev/null'], 'bad_file', /not a plain file/],
};

for (const [name, [argv, exit, message]] of Object.entries(wrong)) {
  test(`${name}_is_refused`, async (t) => {
    const result = await image(...argv);
    t.is(result.exit, exitCodes[exit].code, result.stderr);
    t.regex(result.stderr, message);
    t.false(existsSync('x'));
  });
}
