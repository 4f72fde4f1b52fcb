/**
 * What Raspberry Pi firmware boots from: config.txt, the kernel, a device tree (raspberrypi.com/documentation/computers/
 * config_txt.html). The firmware's own files are not ours to give away: they come from a folder that the user names.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Board } from '../../boards/index.ts';
import { MediaError } from './error.ts';
import type { MediaFile } from './file.ts';

const WHERE =
  'they are in the folder boot/ of https://github.com/raspberrypi/firmware, and on the first partition of any Raspberry Pi OS card';

/** Files of the firmware that a SoC reads before config.txt. The BCM2712 has them in its EEPROM. */
const firmwareOf: Readonly<Record<string, readonly string[]>> = {
  BCM2837: ['bootcode.bin', 'start.elf', 'fixup.dat'],
  BCM2711: ['start4.elf', 'fixup4.dat'],
  BCM2712: [],
};

/** The vendor's device tree of a board, as the firmware's boot folder names it. */
const treeOf: Readonly<Record<string, string>> = {
  rpi3b: 'bcm2710-rpi-3-b.dtb',
  'rpi3a-plus': 'bcm2710-rpi-3-b-plus.dtb',
  'rpi-zero2w': 'bcm2710-rpi-zero-2-w.dtb',
  cm3: 'bcm2710-rpi-cm3.dtb',
  rpi4b: 'bcm2711-rpi-4-b.dtb',
  rpi400: 'bcm2711-rpi-400.dtb',
  cm4: 'bcm2711-rpi-cm4.dtb',
  rpi5: 'bcm2712-rpi-5-b.dtb',
  cm5: 'bcm2712-rpi-cm5-cm5io.dtb',
};

/** The part of the boot folder that comes from elsewhere, and what of it is not there. */
export type Firmware = { readonly files: readonly MediaFile[]; readonly missing: readonly string[] };

const read = (folder: string, name: string): MediaFile[] => {
  const path = join(folder, name);
  return existsSync(path) && statSync(path).isFile() ? [{ path: name, bytes: readFileSync(path) }] : [];
};

const neededOf = (board: Board): readonly string[] => {
  const firmware = firmwareOf[board.soc];
  const tree = treeOf[board.name];
  if (!firmware || !tree)
    throw new MediaError(`${board.name} is not a board that Raspberry Pi firmware starts`);
  return board.dts ? firmware : [...firmware, tree];
};

/** What to say about files that are not there. */
export const missingSentence = (board: Board, missing: readonly string[]): string =>
  `${board.name} does not start from this medium without ${missing.join(', ')}: ${WHERE}; add --firmware-dir DIR`;

/**
 * Reads the firmware's files for a board. Without a folder all of them are missing, which is right for a medium whose
 * firmware is there already. @throws MediaError when the folder lacks one.
 */
export const readFirmware = (board: Board, folder: string | undefined): Firmware => {
  const needed = neededOf(board);
  if (folder === undefined) return { files: [], missing: needed };
  if (!existsSync(folder)) throw new MediaError(`${folder} does not exist`, WHERE);
  const optional = board.dts ? [treeOf[board.name]!] : [];
  const files = [...needed, ...optional, 'overlays/bcm2712d0.dtbo'].flatMap((name) =>
    name.startsWith('overlays/') && board.soc !== 'BCM2712' ? [] : read(folder, name),
  );
  const missing = needed.filter((name) => !files.some(({ path }) => path === name));
  if (missing.length > 0) throw new MediaError(`${folder} lacks ${missing.join(', ')}`, WHERE);
  return { files, missing: [] };
};

const KERNEL = 'kernel8.img';

/** Raspberry Pi documentation, config.txt: "Boot options", "GPIO control"; UART configuration. */
const configText = (board: Board, tree: string | undefined, ownTree: boolean): string =>
  [
    '# Written by velocity image.',
    'arm_64bit=1',
    `kernel=${KERNEL}`,
    ...(tree ? [`device_tree=${tree}`] : []),
    '# The serial console, with a steady clock where it is the mini-UART.',
    'enable_uart=1',
    'uart_2ndstage=1',
    ...(ownTree
      ? ['# Our own device tree has the console on the PL011: put it on the header.', 'gpio=14,15=a0']
      : []),
    'disable_splash=1',
    'boot_delay=0',
    ...(board.soc === 'BCM2712'
      ? [
          '# The kernel is not Linux; the ports of the RP1 stay usable after the firmware.',
          'os_check=0',
          'enable_rp1_uart=1',
          'pciex4_reset=0',
        ]
      : []),
    '',
  ].join('\n');

/** The boot folder. `tree` is our own device tree, where the board has one; the vendor's is preferred. */
export const raspberryPiFiles = (
  board: Board,
  parts: { readonly image: Uint8Array; readonly tree?: Uint8Array; readonly firmware: Firmware },
): MediaFile[] => {
  const vendor = parts.firmware.files.find(({ path }) => path === treeOf[board.name]);
  const own = !vendor && parts.tree ? [{ path: `${board.name}.dtb`, bytes: parts.tree }] : [];
  const tree = vendor?.path ?? own[0]?.path;
  return [
    { path: 'config.txt', bytes: Buffer.from(configText(board, tree, own.length > 0)) },
    { path: KERNEL, bytes: parts.image },
    ...own,
    ...parts.firmware.files,
  ];
};
