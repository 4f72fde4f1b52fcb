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

/** The part of the boot folder that comes from elsewhere, and what of it is not there. */
export type Firmware = { readonly files: readonly MediaFile[]; readonly missing: readonly string[] };

const read = (folder: string, name: string): MediaFile[] => {
  const path = join(folder, name);
  return existsSync(path) && statSync(path).isFile() ? [{ path: name, bytes: readFileSync(path) }] : [];
};

const firmwareOf = (board: Board) => {
  if (board.firmware) return board.firmware;
  throw new MediaError(`${board.name} is not a board that Raspberry Pi firmware starts`);
};

const neededOf = (board: Board): readonly string[] => {
  const { files, tree } = firmwareOf(board);
  return board.dts ? files : [...files, tree];
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
  const optional = board.dts ? [firmwareOf(board).tree] : [];
  const files = [...needed, ...optional].flatMap((name) => read(folder, name));
  const missing = needed.filter((name) => !files.some(({ path }) => path === name));
  if (missing.length > 0) throw new MediaError(`${folder} lacks ${missing.join(', ')}`, WHERE);
  return { files, missing: [] };
};

/** Where a board that starts over USB gets the firmware's files from, one by one. */
type Source = {
  readonly describe: string;
  read(name: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
};

/**
 * The vendor's device tree and what belongs over it, for a board that asks for all else itself. It goes on without them, and a
 * kernel finds nothing then, not even its console. @throws MediaError when one is not there and the board has no tree of ours
 */
export const vendorTree = async (board: Board, source: Source): Promise<Firmware> => {
  const { files, tree } = firmwareOf(board);
  const found: MediaFile[] = [];
  for (const path of [tree, ...files.filter((name) => name.startsWith('overlays/'))]) {
    const bytes = await source.read(path);
    if (bytes) found.push({ path, bytes });
    else if (!board.dts) throw new MediaError(`${source.describe} lacks ${path}`, WHERE);
  }
  return { files: found, missing: [] };
};

const KERNEL = 'kernel8.img';

/**
 * Keeps the clock that the mini-UART follows: its highest and its lowest frequency are one. By enable_uart alone it is held at the
 * highest, and falls when the firmware throttles (raspberrypi/linux issue 4123) or ends its first minute at full speed.
 */
const steadyClock: Readonly<Record<string, readonly string[]>> = {
  BCM2837: ['core_freq=250'],
  BCM2711: ['core_freq_min=500'],
};

/** Raspberry Pi documentation, config.txt: "Boot options", "GPIO control", "Overclocking options"; UART configuration. */
const configText = (board: Board, tree: string | undefined, ownTree: boolean): string =>
  [
    '# Written by velocity image.',
    'arm_64bit=1',
    `kernel=${KERNEL}`,
    ...(tree ? [`device_tree=${tree}`] : []),
    '# The serial console, with a steady clock where it is the mini-UART.',
    'enable_uart=1',
    'uart_2ndstage=1',
    ...(steadyClock[board.soc] ?? []),
    '# The cores keep one clock from the start on.',
    'initial_turbo=0',
    ...(ownTree
      ? [
          '# Our own device tree has the console on the PL011: its clock, and the header,',
          '# where Bluetooth does not speak as well.',
          'init_uart_clock=48000000',
          'gpio=14,15=a0',
          'gpio=32,33=ip',
        ]
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
  const vendor = parts.firmware.files.find(({ path }) => path === board.firmware?.tree);
  const own = !vendor && parts.tree ? [{ path: `${board.name}.dtb`, bytes: parts.tree }] : [];
  const tree = vendor?.path ?? own[0]?.path;
  return [
    { path: 'config.txt', bytes: Buffer.from(configText(board, tree, own.length > 0)) },
    { path: KERNEL, bytes: parts.image },
    ...own,
    ...parts.firmware.files,
  ];
};
