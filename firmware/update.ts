/** Signed manifests of images (abi/image.ts). */
import { encode } from 'cborg';
import { imageKeys, merkleRoot } from '../abi/index.ts';
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
