/** A disk image as the bytes that matter: everything between the extents is zero. */
import { createHash } from 'node:crypto';

export const SECTOR_BYTES = 512;

export type Extent = { readonly offset: number; readonly bytes: Uint8Array };

/** Extents are sorted by offset, do not overlap and end within `bytes`. */
export type SparseImage = { readonly bytes: number; readonly extents: readonly Extent[] };

const check = ({ bytes, extents }: SparseImage): void => {
  let end = 0;
  for (const extent of extents) {
    if (extent.offset < end) throw new RangeError(`extents overlap at byte ${extent.offset}`);
    end = extent.offset + extent.bytes.length;
  }
  if (end > bytes) throw new RangeError(`an extent ends at byte ${end} of an image of ${bytes}`);
};

/** @throws RangeError when extents overlap or leave the image. */
export const sparseImage = (bytes: number, extents: readonly Extent[]): SparseImage => {
  const image = {
    bytes,
    extents: extents
      .filter((extent) => extent.bytes.length > 0)
      .sort((first, second) => first.offset - second.offset),
  };
  check(image);
  return image;
};

/** The extents of an image, as they lie when it is put at `offset` of a larger one. */
export const movedTo = (image: SparseImage, offset: number): Extent[] =>
  image.extents.map((extent) => ({ offset: extent.offset + offset, bytes: extent.bytes }));

const ZEROS = new Uint8Array(1 << 20);

/** All bytes in order, in pieces of at most 1 MiB where they are zero. */
export function* chunksOf(image: SparseImage): Generator<Uint8Array> {
  let at = 0;
  for (const { offset, bytes } of [...image.extents, { offset: image.bytes, bytes: new Uint8Array(0) }]) {
    for (; at < offset; at += Math.min(ZEROS.length, offset - at)) {
      yield ZEROS.subarray(0, Math.min(ZEROS.length, offset - at));
    }
    if (bytes.length > 0) yield bytes;
    at += bytes.length;
  }
}

/** The whole image in memory. */
export const flatten = (image: SparseImage): Buffer => Buffer.concat([...chunksOf(image)], image.bytes);

/** SHA-256 of the image with its zeros, hex. */
export const hashOf = (image: SparseImage): string => {
  const hash = createHash('sha256');
  for (const chunk of chunksOf(image)) hash.update(chunk);
  return hash.digest('hex');
};
