/** An image with its manifest, and the checks that they belong together. Nothing here reads files: pages use it too. */
import { createHash } from 'node:crypto';
import { merkleRoot } from '../abi/index.ts';
import { imageFacts } from './cose.ts';

/** The image or its manifest cannot be used: says which and why. */
export class ImageError extends Error {
  readonly code = 'bad_image';
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
    this.name = 'ImageError';
  }
}

export type FlashImage = {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly build: string;
  readonly version: string;
};

export type ManifestFile = {
  version: string;
  build: string;
  merkle?: { root: string };
  signed?: string;
  image: { file: string; bytes: number; sha256: string };
};

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Some of it stands in a line of a file that boot loaders read. */
const isLine = (text: unknown) => typeof text === 'string' && !/\p{Cc}/u.test(text);

/** @throws ImageError */
export const parseManifest = (path: string, text: string): ManifestFile => {
  try {
    const value = JSON.parse(text) as ManifestFile;
    const { version, build, image } = value;
    if ([version, build, image.file, image.sha256].every(isLine)) return value;
  } catch (cause) {
    throw new ImageError(path, 'is not a manifest; build it again', { cause });
  }
  throw new ImageError(path, 'is not a manifest; build it again');
};

/** Both hashes of the manifest. `path` is the image's. @throws ImageError */
export const checkImage = (path: string, manifest: ManifestFile, bytes: Buffer): FlashImage => {
  if (sha256(bytes) !== manifest.image.sha256) {
    throw new ImageError(path, 'does not match its manifest (SHA-256 differs); build it again');
  }
  if (manifest.merkle && Buffer.from(merkleRoot(bytes)).toString('hex') !== manifest.merkle.root) {
    throw new ImageError(path, 'does not match its manifest (Merkle root differs); build it again');
  }
  return { bytes, sha256: manifest.image.sha256, build: manifest.build, version: manifest.version };
};

/** Boards take images of their own class only. @throws ImageError before anything is sent */
export const checkBoardClass = (
  path: string,
  { signed }: ManifestFile,
  board: { readonly name: string; readonly boardClass: string },
): void => {
  const made = imageFacts(signed)?.boardClass;
  if (made === undefined || made === board.boardClass) return;
  throw new ImageError(path, `is for boards of the class ${made}; ${board.name} is ${board.boardClass}`);
};
