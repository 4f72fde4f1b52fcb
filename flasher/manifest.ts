/** Reads an image with its manifest, and checks that they belong together before anything is written. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkImage, type FlashImage, ImageError, parseManifest } from './image.ts';
import { signatureProblem } from './signature.ts';

const read = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ImageError(path, 'cannot be read; build it with `velocity build`', { cause });
  }
};

/**
 * With a trusted key also checks that this key signed exactly these bytes (abi/image.ts).
 * @throws ImageError when the files are missing, damaged, do not belong together, or the signature does not hold.
 */
export const readImage = (manifestPath: string, trusted?: Uint8Array): FlashImage => {
  const manifest = parseManifest(manifestPath, read(manifestPath).toString('utf8'));
  const path = join(dirname(manifestPath), manifest.image.file);
  const image = checkImage(path, manifest, read(path));
  if (trusted) {
    const problem = signatureProblem(image.bytes, manifest.signed, trusted);
    if (problem)
      throw new ImageError(manifestPath, `${problem}; name the key with --key, or build the image again`);
  }
  return image;
};
