/** Update files (abi/image.ts): a signed manifest, then the image. */
import { encode } from 'cborg';
import { IMAGE_PAGE_BYTES, imageKeys, merkleRoot, UPDATE_HEADER_BYTES, UPDATE_MAGIC } from '../abi/index.ts';
import type { SigningKey } from './keys.ts';
import { coseSign1 } from './sign.ts';

/** kernel-aarch64/lib/board_class.h */
export const BOARD_CLASS = 'aarch64';

export type ImageFacts = {
  readonly board_class: string;
  readonly memory_bytes: number;
  readonly build: string;
  readonly version: string;
  /** Boards take no image older than the one they confirmed. */
  readonly sequence: bigint;
};

/** The manifest of an image as it is signed. */
export const signImage = (image: Uint8Array, facts: ImageFacts, key: SigningKey): Uint8Array => {
  const values: Readonly<Record<string, unknown>> = {
    ...facts,
    bytes: image.length,
    root: merkleRoot(image),
  };
  const payload = new Map(Object.entries(imageKeys).map(([name, { key: k }]) => [k, values[name]]));
  return coseSign1(encode(payload), key);
};

/** What is sent to a board, or lies in a slot. `manifest` is what signImage() returned for this image. */
export const updateFile = (image: Uint8Array, manifest: Uint8Array): Buffer => {
  if (manifest.length > IMAGE_PAGE_BYTES - UPDATE_HEADER_BYTES)
    throw new RangeError(`a manifest of ${manifest.length} bytes does not fit its page`);
  const pages = Math.ceil(image.length / IMAGE_PAGE_BYTES);
  const file = Buffer.alloc((1 + pages) * IMAGE_PAGE_BYTES);
  file.writeBigUInt64LE(UPDATE_MAGIC);
  file.writeUInt32LE(manifest.length, 8);
  file.set(manifest, UPDATE_HEADER_BYTES);
  file.set(image, IMAGE_PAGE_BYTES);
  return file;
};
