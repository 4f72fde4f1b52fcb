/** Puts an image on a virtual board: its storage is a folder, written and read back like any other medium. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Board } from '../boards/index.ts';
import { FlashError, FlashVerifyError } from './errors.ts';
import { type FlashImage, sha256 } from './image.ts';

export type FlashStep = { readonly step: 'write' | 'verify'; readonly done: number; readonly total: number };

/** Where the files of a virtual board lie. */
export type VirtualStorage = { readonly folder: string };

const imagePath = ({ folder }: VirtualStorage) => join(folder, 'Image');

/** Path of the image that this board boots, and whether it is the given one already. */
export const virtualImage = (storage: VirtualStorage): string => imagePath(storage);

export const isFlashed = (storage: VirtualStorage, image: FlashImage): boolean => {
  try {
    return sha256(readFileSync(imagePath(storage))) === image.sha256;
  } catch {
    return false;
  }
};

const firstDifference = (wrote: Buffer, read: Buffer) => wrote.findIndex((byte, i) => byte !== read[i]);

const readBack = (storage: VirtualStorage): Buffer => {
  try {
    return readFileSync(imagePath(storage));
  } catch (cause) {
    throw new FlashError('bad_file', storage.folder, `cannot be read: ${(cause as Error).message}`, {
      hint: 'this folder is the storage of the emulated board: flash it again',
      cause,
    });
  }
};

/** Reads the storage back and compares it byte by byte. @throws FlashVerifyError, FlashError (bad_file) */
export const verifyVirtual = (board: Board, storage: VirtualStorage, image: FlashImage): void => {
  const read = readBack(storage);
  if (read.equals(image.bytes)) return;
  const at = firstDifference(image.bytes, read);
  const offset = at < 0 ? image.bytes.length : at;
  throw new FlashVerifyError(
    board.name,
    offset,
    image.bytes[offset] ?? 0,
    read[offset],
    'check the disk and flash again',
  );
};

const put = (storage: VirtualStorage, bytes: Uint8Array) => {
  const partial = `${imagePath(storage)}.${process.pid}`;
  try {
    mkdirSync(storage.folder, { recursive: true });
    writeFileSync(partial, bytes);
    renameSync(partial, imagePath(storage));
  } catch (cause) {
    throw new FlashError('bad_file', storage.folder, `cannot be written: ${(cause as Error).message}`, {
      hint: 'this folder is the storage of the emulated board: make room, or remove what stands in its way',
      cause,
    });
  }
};

/** Writes the image whole or not at all, then verifies it. @throws FlashVerifyError, FlashError (bad_file) */
export const flashVirtual = (
  board: Board,
  storage: VirtualStorage,
  image: FlashImage,
  onStep: (step: FlashStep) => void = () => {},
): void => {
  const total = image.bytes.length;
  onStep({ step: 'write', done: 0, total });
  put(storage, image.bytes);
  onStep({ step: 'write', done: total, total });
  verifyVirtual(board, storage, image);
  onStep({ step: 'verify', done: total, total });
};
