/** Disk images onto SD cards, USB and NVMe disks, and files. */
export { diskPaths, waitForDisk } from './appear.ts';
export { type BlockNode, type Disk, type DiskSystem, disksOf, listDisks, systemDisks } from './disks.ts';
export type { DiskHandle, OpenDisk } from './io.ts';
export { checkUnchanged, type DiskTarget, diskTarget } from './target.ts';
export { type DiskEvent, type DiskWriteOptions, verifyDisk, writeDisk } from './write.ts';
