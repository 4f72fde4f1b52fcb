/** An image that is read piece by piece: in memory, or in a file too large for it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ImageError } from './image.ts';

export interface BlockSource {
  readonly name: string;
  readonly bytes: number;
  /** Exactly `length` bytes. @throws ImageError when the file ends before */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

export const memoryBlocks = (name: string, data: Uint8Array): BlockSource => ({
  name,
  bytes: data.length,
  read: (offset, length) => data.subarray(offset, offset + length),
  close: () => {},
});

const open = (path: string) => {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new ImageError(path, 'cannot be read', { cause });
  }
};

/** @throws ImageError */
export const fileBlocks = (path: string): BlockSource => {
  const fd = open(path);
  return {
    name: path,
    bytes: fstatSync(fd).size,
    read: (offset, length) => {
      const data = Buffer.allocUnsafe(length);
      const read = readSync(fd, data, 0, length, offset);
      if (read !== length) throw new ImageError(path, `ends at byte ${offset + read} while it is read`);
      return data;
    },
    close: () => closeSync(fd),
  };
};
