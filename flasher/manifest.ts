/** Reads an image with its manifest, and checks that they belong together before anything is written. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { merkleRoot } from '../abi/index.ts';
import { signatureProblem } from './signature.ts';

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

type ManifestFile = {
  version: string;
  build: string;
  merkle?: { root: string };
  signed?: string;
  image: { file: string; bytes: number; sha256: string };
};

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const read = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ImageError(path, 'cannot be read; build it with `velocity build`', { cause });
  }
};

const parseManifest = (path: string): ManifestFile => {
  try {
    const value = JSON.parse(read(path).toString('utf8')) as ManifestFile;
    if (typeof value.image.file === 'string' && typeof value.image.sha256 === 'string') return value;
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw new ImageError(path, 'is not a manifest; build it again', { cause });
  }
  throw new ImageError(path, 'is not a manifest; build it again');
};

/**
 * With a trusted key also checks that this key signed exactly these bytes (abi/image.ts).
 * @throws ImageError when the files are missing, damaged, do not belong together, or the signature does not hold.
 */
export const readImage = (manifestPath: string, trusted?: Uint8Array): FlashImage => {
  const manifest = parseManifest(manifestPath);
  const path = join(dirname(manifestPath), manifest.image.file);
  const bytes = read(path);
  if (sha256(bytes) !== manifest.image.sha256) {
    throw new ImageError(path, 'does not match its manifest (SHA-256 differs); build it again');
  }
  if (manifest.merkle && Buffer.from(merkleRoot(bytes)).toString('hex') !== manifest.merkle.root) {
    throw new ImageError(path, 'does not match its manifest (Merkle root differs); build it again');
  }
  if (trusted) {
    const problem = signatureProblem(bytes, manifest.signed, trusted);
    if (problem)
      throw new ImageError(manifestPath, `${problem}; name the key with --key, or build the image again`);
  }
  return { bytes, sha256: manifest.image.sha256, build: manifest.build, version: manifest.version };
};
