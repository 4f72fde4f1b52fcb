/** An image that is read piece by piece: in memory, or in a file too large for it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ImageError } from './image.ts';

export interface BlockSource {
  readonly name: string;
  readonly bytes: number;
  /** Exactly `length` bytes. @throws ImageError when the file ends before */
  read(offset: number, length: number): Uint8Array;
  /** The same into memory that is there already, as many bytes as it has. */
  fill(into: Uint8Array, offset: number): void;
  close(): void;
}

export const memoryBlocks = (name: string, data: Uint8Array): BlockSource => ({
  name,
  bytes: data.length,
  read: (offset, length) => data.subarray(offset, offset + length),
  fill: (into, offset) => into.set(data.subarray(offset, offset + into.length)),
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
  const fill = (into: Uint8Array, offset: number) => {
    const read = readSync(fd, into, 0, into.length, offset);
    if (read !== into.length) throw new ImageError(path, `ends at byte ${offset + read} while it is read`);
  };
  return {
    name: path,
    bytes: fstatSync(fd).size,
    read: (offset, length) => {
      const data = Buffer.allocUnsafe(length);
      fill(data, offset);
      return data;
    },
    fill,
    close: () => closeSync(fd),
  };
};
