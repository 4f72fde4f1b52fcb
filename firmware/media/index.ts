/** Boot media: folders, FAT32 volumes and disk images that boards start from. Built without root, byte for byte the same each time. */
export { bootDisk, bootFiles, bootVolume, espVolume, noFirmware, type Parts } from './bundle.ts';
export { MediaError } from './error.ts';
export type { MediaFile } from './file.ts';
export { slotDisk } from './mbr.ts';
export { type Firmware, missingSentence, readFirmware, vendorTree } from './raspberry-pi.ts';
export { hashOf, type SparseImage } from './sparse.ts';
export { MediaVerifyError, writeFolder, writeImage } from './write.ts';
