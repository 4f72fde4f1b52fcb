/** What whoever boots a board for the first time sees when the start stops on the way. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { boardNamed, virtualBoards } from '../../boards/index.ts';
import { buildFor } from '../../cli/virtual.ts';
import { findTool, paths, requireTool, run } from '../../firmware/index.ts';
import { startVirtualBoard, unavailableReason, type VirtualBoardOptions, wordAt } from '../../rig/index.ts';
import { Console } from '../media/machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-first-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a board with the device tree at `dtb`, or none, and hands over what its console says up to `end`. */
const watch = async (
  name: string,
  options: Pick<VirtualBoardOptions, 'dtb' | 'clock' | 'uart'> & { readonly image?: string },
  end: RegExp,
  look: (text: string, control: string) => Promise<void> | void,
) => {
  const board = boardNamed(name);
  const running = await startVirtualBoard({
    board,
    image: paths.image,
    qemu: requireTool('qemu'),
    ...options,
  });
  const console = new Console(running.address.slice('unix:'.length));
  try {
    await console.open();
    await console.said(end);
    await look(console.text, running.control);
  } finally {
    console.close();
    await running.stop();
  }
};

/** The board's tree with one text in its source replaced. */
const changedTree = async (name: string, from: string, to: string): Promise<string> => {
  const source = readFileSync(join(paths.dts, `${name}.dts`), 'utf8');
  if (!source.includes(from)) throw new Error(`${name}.dts does not hold ${from}`);
  const changed = join(folder, `${name}.dts`);
  const output = join(folder, `${name}.dtb`);
  writeFileSync(changed, source.replaceAll(from, to));
  await run(requireTool('dtc'), ['-q', '-I', 'dts', '-O', 'dtb', '-o', output, changed]);
  return output;
};

const onBoard = (name: string, title: string, body: (t: ExecutionContext) => Promise<void>) => {
  const reason = unavailableReason(boardNamed(name), findTool('qemu'));
  if (reason) test.skip(`${name}_${title} is skipped: ${reason}`, () => {});
  else
    test.serial(`${name}_${title}`, async (t) => {
      t.timeout(300_000);
      await buildFor(boardNamed(name), () => {});
      await body(t);
    });
};

for (const { name, dts } of virtualBoards) {
  onBoard(name, 'says_where_it_was_loaded_before_anything_else', async (t) => {
    const { dtb } = await buildFor(boardNamed(name), () => {});
    await watch(name, dtb ? { dtb } : {}, / ready on /, (text) => {
      const first = text.split('\r\n')[0]!;
      t.regex(
        first,
        /^velocity \S+ starts at EL[12]: image at 0x[0-9a-f]+00000, device tree at 0x[0-9a-f]+$/,
      );
      t.regex(text, /start: crash record, device tree, .*, link\r\n/);
    });
  });

  if (!dts) continue;
  onBoard(name, 'says_that_the_loader_passed_no_device_tree', async (t) => {
    await watch(name, {}, /halted\r\n/, (text) => {
      t.regex(text, /no device tree: the loader left 0x100 in x0; give it the board's \.dtb/);
      t.regex(text, /start-up failed at device tree/);
    });
  });
}

/** The second instruction of an Image leads to its entry (Documentation/arch/arm64/booting.rst). */
const ENTRY = 4;
const branch = (from: number, to: number) => (0x14000000 | (((to - from) >> 2) & 0x3ffffff)) >>> 0;

/** The image, after what firmware does where Bluetooth has the PL011: it gives pins 14 and 15 to the mini-UART (GPFSEL1). */
const afterFirmware = (gpio: number): string => {
  const image = readFileSync(paths.image);
  const entry = ENTRY + ((image.readInt32LE(ENTRY) << 6) >> 4);
  const code = [
    0xd2a00009 | ((gpio >>> 16) << 5), // movz x9, GPIO, lsl 16
    0x52840000 | 10, // movz w10, 0x2000
    0x72a00020 | 10, // movk w10, 1, lsl 16
    0xb900052a, // str w10, [x9, 4]
    branch(image.length + 16, entry),
  ];
  image.writeUInt32LE(branch(ENTRY, image.length), ENTRY);
  const path = join(folder, `after-firmware-${gpio}`);
  writeFileSync(path, Buffer.concat([image, new Uint8Array(Uint32Array.from(code).buffer)]));
  return path;
};

for (const [name, gpio] of [
  ['rpi3b', 0x3f20_0000],
  ['rpi4b', 0xfe20_0000],
] as const)
  onBoard(name, 'says_it_on_the_mini_uart_where_that_has_the_header', async (t) => {
    await watch(name, { uart: 1, image: afterFirmware(gpio) }, /halted\r\n/, (text) => {
      t.regex(text, /no device tree: the loader left 0x100 in x0/);
      t.regex(text, /start-up failed at device tree/);
    });
  });

const GPLEV1 = 0xfe20_0038;
const LED = 1 << (42 - 32);
const PAUSE_MS = 1000;
const ROUNDS = 20;

type Lit = () => Promise<boolean>;

/** Waits until the LED lights; false when it stays dark for as long as only the pause is (kernel-aarch64/drivers/gpio.c). */
const lights = async (lit: Lit): Promise<boolean> => {
  for (const end = Date.now() + PAUSE_MS; Date.now() < end; await delay(10)) if (await lit()) return true;
  return false;
};

const goesDark = async (lit: Lit) => {
  while (await lit()) await delay(10);
};

/** Blinks between two pauses. */
const blinks = async (lit: Lit): Promise<number> => {
  while (await lights(lit)) await goesDark(lit);
  while (!(await lights(lit)));
  let count = 0;
  do {
    count += 1;
    await goesDark(lit);
  } while (await lights(lit));
  return count;
};

onBoard('rpi4b', 'names_the_level_that_failed_and_blinks_its_number', async (t) => {
  const dtb = await changedTree('rpi4b', 'arm,gic-400', 'arm,gic-unknown');
  await watch('rpi4b', { dtb, clock: 'wall' }, /halted\r\n/, async (text, control) => {
    const levels =
      /start: (.*)\r\nstart-up failed at interrupt controller/.exec(text)?.[1]?.split(', ') ?? [];
    t.is(levels.at(-1), 'interrupt controller', text);
    // A blink that falls into a moment in which this process does not run is not seen: one undisturbed round counts.
    const rounds: number[] = [];
    while (rounds.length < ROUNDS && rounds.at(-1) !== levels.length)
      rounds.push(await blinks(async () => ((await wordAt(control, GPLEV1)) & LED) !== 0));
    t.is(rounds.at(-1), levels.length, `${rounds}`);
  });
});
