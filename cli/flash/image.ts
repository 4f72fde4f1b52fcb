/** The image to flash: built now, or named by --image; and what of the board goes with it. */
import { readFileSync } from 'node:fs';
import { type Board, boardNamed } from '../../boards/index.ts';
import { type Manifest, paths } from '../../firmware/index.ts';
import { bootDisk, bootFiles, noFirmware, type Parts, readFirmware } from '../../firmware/media/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import {
  type BlockSource,
  type FlashImage,
  fileBlocks,
  memorySource,
  readImage,
} from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { trustOf } from '../trust.ts';
import { buildFor } from '../virtual.ts';
import type { FlashOptions } from './options.ts';

export type Prepared = { readonly image: FlashImage; readonly parts: Parts };

const isManifest = (path: string) => path.endsWith('.json');

/** @throws ImageError, BuildError, MediaError */
export const prepare = async (context: Context, board: Board, options: FlashOptions): Promise<Prepared> => {
  if (options.image && !isManifest(options.image)) {
    throw new UsageError(
      `${options.image} is no manifest`,
      'give manifest.json; a whole disk image needs --to DISK',
    );
  }
  const built = options.image
    ? undefined
    : await buildFor(board, (text) => context.output.progress(text), trustOf(options));
  const path = options.image ?? paths.manifest;
  const image = readImage(path, chosenKey(options.key).publicKey);
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  const tree = built?.dtb ? { tree: readFileSync(built.dtb) } : {};
  return { image, parts: { image: image.bytes, manifest, firmware: noFirmware, ...tree } };
};

const IMAGE_BOARD = 'jetson-nano'; // every board takes the same image; this one's build needs no device tree

/** The image, whichever board it goes to. */
export const prepareAny = (context: Context, options: FlashOptions): Promise<Prepared> =>
  prepare(context, boardNamed(options.board ?? IMAGE_BOARD), options);

/** Files for a board that asks for them over USB, and the one that must be among those it takes. */
export const filesFor = (board: Board, parts: Parts) => {
  const files = bootFiles(board, parts);
  const kernel = files.find(({ bytes }) => bytes === parts.image);
  return {
    source: memorySource('velocity', Object.fromEntries(files.map(({ path, bytes }) => [path, bytes]))),
    required: kernel ? [kernel.path] : [],
  };
};

/** Bytes of a disk that are not in an extent are zero. */
const blocksOf = (name: string, { bytes, extents }: ReturnType<typeof bootDisk>): BlockSource => {
  const fill = (data: Uint8Array, offset: number) => {
    data.fill(0);
    for (const extent of extents) {
      const from = Math.max(offset, extent.offset);
      const to = Math.min(offset + data.length, extent.offset + extent.bytes.length);
      if (from < to) data.set(extent.bytes.subarray(from - extent.offset, to - extent.offset), from - offset);
    }
  };
  const read = (offset: number, length: number) => {
    const data = Buffer.allocUnsafe(length);
    fill(data, offset);
    return data;
  };
  return { name, bytes, read, fill, close: () => {} };
};

export type DiskImage = { readonly blocks: BlockSource; readonly image: FlashImage | undefined };

/** A whole disk: the file that --image names, or one made for the board. */
export const diskImage = async (
  context: Context,
  board: Board | undefined,
  options: FlashOptions,
): Promise<DiskImage> => {
  if (options.image && !isManifest(options.image))
    return { blocks: fileBlocks(options.image), image: undefined };
  if (!board) throw new UsageError('no board is named', 'add --board NAME: the disk is made for it');
  const firmware = board.bootPath === 'raspberry-pi' ? readFirmware(board, options.firmwareDir) : noFirmware;
  if (firmware.missing.length > 0) {
    throw new UsageError(
      `${board.name} does not start without ${firmware.missing.join(', ')}`,
      'name a folder with the Raspberry Pi firmware: --firmware-dir DIR (the folder boot of github.com/raspberrypi/firmware)',
    );
  }
  const { image, parts } = await prepare(context, board, options);
  return { blocks: blocksOf(`disk for ${board.name}`, bootDisk(board, { ...parts, firmware })), image };
};
