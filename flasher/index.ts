/** Gets an image onto a board and verifies what it wrote. */
export { type FlashImage, ImageError, readImage } from './manifest.ts';
export {
  type FlashStep,
  FlashVerifyError,
  flashVirtual,
  isFlashed,
  type VirtualStorage,
  verifyVirtual,
  virtualImage,
} from './virtual.ts';
