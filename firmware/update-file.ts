/** Update files (abi/image.ts): a signed manifest, then the image. Pages in a browser make them, too. */
import { IMAGE_PAGE_BYTES, UPDATE_HEADER_BYTES, UPDATE_MAGIC } from '../abi/index.ts';

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
