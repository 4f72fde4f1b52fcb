/** Tools that others wrote agree that our media are well formed, and read from them what was put there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { findTool, requireTool, type Tool, tools } from '../../firmware/index.ts';
import { bootDisk, bootFiles, bootVolume, espVolume, type MediaFile } from '../../firmware/media/index.ts';
import { partsFor, stored, temporaryFolder } from './media.ts';

const folder = temporaryFolder();

const withTool = (tool: Tool, title: string, body: (t: ExecutionContext) => Promise<void>) => {
  if (findTool(tool)) test(title, body);
  else test.skip(`${title} is skipped: install the package ${tools[tool].package}`, () => {});
};

/** Firmware of the size and the names of the real one, so that long names, folders and long chains come up. */
const firmware = {
  files: [
    { path: 'start4.elf', bytes: Buffer.alloc(2_250_000, 0x5a) },
    { path: 'bcm2711-rpi-4-b.dtb', bytes: Buffer.alloc(54_321, 7) },
    { path: 'overlays/disable-bt-with-a-very-long-name.dtbo', bytes: Buffer.alloc(513, 3) },
    { path: 'empty.txt', bytes: Buffer.alloc(0) },
    ...Array.from({ length: 40 }, (_, i) => ({
      path: `overlays/overlay-number-${i}.dtbo`,
      bytes: Buffer.of(i),
    })),
  ],
  missing: [],
};

const pi = async () => ({ ...(await partsFor('rpi4b')), firmware });

withTool('fsckFat', 'fsck_finds_nothing_wrong_with_a_volume', async (t) => {
  const volumes = {
    pi: bootVolume(boardNamed('rpi4b'), await pi()),
    esp: espVolume(await partsFor('qemu-virt')),
  };
  for (const [name, volume] of Object.entries(volumes)) {
    const path = await stored(folder, `fsck-${name}.img`, volume);
    const said = execFileSync(requireTool('fsckFat'), ['-n', '-v', path], { encoding: 'utf8' });
    t.regex(said, /32 bit entries/);
    t.notRegex(said, /differ|wrong|bad|Auto-|lost|orphan|Invalid/i);
  }
});

withTool('fsckFat', 'fsck_does_see_a_broken_volume', async (t) => {
  const path = await stored(folder, 'broken.img', espVolume(await partsFor('qemu-virt')));
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(64, 0xee), 0, 64, 32 * 512 + 16); // into the first table
  closeSync(file);
  t.not(spawnSync(requireTool('fsckFat'), ['-n', path]).status, 0);
});

const mcopy = (image: string, path: string) =>
  spawnSync(join(requireTool('mtools'), '../mcopy'), ['-i', image, `::${path}`, '-'], { maxBuffer: 1 << 24 })
    .stdout;

const holds = (t: ExecutionContext, image: string, files: readonly MediaFile[]) => {
  for (const { path, bytes } of files) t.true(mcopy(image, path).equals(bytes), path);
};

withTool('mtools', 'mtools_reads_every_file_of_every_medium', async (t) => {
  const parts = await pi();
  const board = boardNamed('rpi4b');
  const files = bootFiles(board, parts);
  holds(t, await stored(folder, 'read.img', bootVolume(board, parts)), files);
  holds(t, `${await stored(folder, 'card.img', bootDisk(board, parts))}@@4M`, files.slice(0, 6));
  const nano = boardNamed('jetson-nano');
  const nanoParts = await partsFor('jetson-nano');
  holds(t, `${await stored(folder, 'nano.img', bootDisk(nano, nanoParts))}@@1M`, bootFiles(nano, nanoParts));
});

const tables: Readonly<Record<string, RegExp>> = {
  rpi4b: /label: dos[\s\S]*start= +8192, size= +73728, type=c, bootable/,
  'jetson-orin-nano':
    /label: gpt[\s\S]*start= +2048, size= +73728, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B/,
  'jetson-nano':
    /label: gpt[\s\S]*type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7.*name="velocity", attrs="LegacyBIOSBootable"/,
};

for (const [name, expected] of Object.entries(tables)) {
  withTool('sfdisk', `sfdisk_reads_the_partition_of_${name}`, async (t) => {
    const path = await stored(folder, `table-${name}.img`, bootDisk(boardNamed(name), await partsFor(name)));
    const { status, stdout } = spawnSync(requireTool('sfdisk'), ['--verify', path], { encoding: 'utf8' });
    t.is(status, 0);
    t.regex(stdout, /No errors detected/);
    t.regex(execFileSync(requireTool('sfdisk'), ['--dump', path], { encoding: 'utf8' }), expected);
  });
}

withTool('sfdisk', 'sfdisk_finds_the_second_table_when_the_first_is_gone', async (t) => {
  const path = await stored(
    folder,
    'lost.img',
    bootDisk(boardNamed('qemu-virt'), await partsFor('qemu-virt')),
  );
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(512), 0, 512, 512);
  closeSync(file);
  const { stderr, stdout } = spawnSync(requireTool('sfdisk'), ['--dump', path], { encoding: 'utf8' });
  t.regex(stderr, /backup/i);
  t.regex(stdout, /type=C12A7328/);
});

test('media_are_the_same_bytes_each_time', async (t) => {
  const parts = await pi();
  for (const name of ['rpi4b', 'jetson-nano', 'jetson-orin-nano']) {
    const [first, second] = ['a', 'b'].map((run) =>
      stored(folder, `${run}-${name}.img`, bootDisk(boardNamed(name), parts)),
    );
    t.true(readFileSync(await first!).equals(readFileSync(await second!)), name);
  }
});
