/** Gets an image onto a board and verifies what it wrote. */

export { type BlockSource, fileBlocks, memoryBlocks } from './blocks.ts';
export { signedImage, signingProblem } from './cose.ts';
export { type Attached, identify, listAttached, type UsbMode } from './detect.ts';
export * from './disk/index.ts';
export * from './errors.ts';
export * from './fastboot/index.ts';
export {
  checkBoardClass,
  checkImage,
  type FlashImage,
  ImageError,
  type ManifestFile,
  parseManifest,
  sha256,
} from './image.ts';
export { readImage } from './manifest.ts';
export * from './rpiboot/index.ts';
export * from './serial/index.ts';
export * from './usb/index.ts';
export {
  type FlashStep,
  flashVirtual,
  isFlashed,
  type VirtualStorage,
  verifyVirtual,
  virtualImage,
} from './virtual.ts';
