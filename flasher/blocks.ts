/** An image that is read piece by piece: in memory, or in a file too large for it. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
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

/** gzip, xz, zip, zstd and bzip2 begin so: written as they are, no board starts from them. */
const PACKED = /^(1f8b|fd377a58|504b0304|28b52ffd|425a68)/;

const problemOf = (fd: number): string | undefined => {
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.size === 0) return 'is empty, or no plain file';
  const head = Buffer.alloc(8);
  readSync(fd, head, 0, head.length, 0);
  return PACKED.test(head.toString('hex')) ? 'is compressed: unpack it first' : undefined;
};

const open = (path: string) => {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would be waited for
  } catch (cause) {
    throw new ImageError(path, 'cannot be read', { cause });
  }
};

/** @throws ImageError */
export const fileBlocks = (path: string): BlockSource => {
  const fd = open(path);
  const problem = problemOf(fd);
  if (problem) {
    closeSync(fd);
    throw new ImageError(path, problem);
  }
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
