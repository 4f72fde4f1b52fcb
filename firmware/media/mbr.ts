/** Disks with a Master Boot Record: one to start from, and the partition that kernel updates go to (abi/image.ts). */
import { createHash } from 'node:crypto';
import { RECORD_OFFSETS, SLOT_PARTITION_BYTES, SLOT_PARTITION_TYPE } from '../../abi/index.ts';
import { hashOf, movedTo, SECTOR_BYTES, type SparseImage, sparseImage } from './sparse.ts';

/** 4 MiB: the erase block of SD cards. */
export const MBR_FIRST_SECTOR = 8192;
const FAT32_LBA = 0x0c;
const ACTIVE = 0x80;
const SIGNATURE = 0xaa55;
/** Cylinder, head and sector when the address does not fit: readers go by the sector number. */
const NO_CHS = Buffer.from([0xfe, 0xff, 0xff]);

/** One entry of the partition table (UEFI 2.10, 5.2.1). */
export const mbrEntry = (type: number, first: number, sectors: number, active = false): Buffer => {
  const out = Buffer.alloc(16);
  out[0] = active ? ACTIVE : 0;
  NO_CHS.copy(out, 1);
  out[4] = type;
  NO_CHS.copy(out, 5);
  out.writeUInt32LE(first, 8);
  out.writeUInt32LE(sectors, 12);
  return out;
};

export const mbrSector = (entries: readonly Buffer[], id: number): Buffer => {
  const out = Buffer.alloc(SECTOR_BYTES);
  out.writeUInt32LE(id, 440);
  entries.forEach((entry, i) => {
    entry.copy(out, 446 + 16 * i);
  });
  out.writeUInt16LE(SIGNATURE, 510);
  return out;
};

const SLOT_SECTORS = SLOT_PARTITION_BYTES / SECTOR_BYTES;
const slotEntry = (first: number) => mbrEntry(SLOT_PARTITION_TYPE, first, SLOT_SECTORS);

/** Written, not left out: what an earlier life of the card left there would be started instead of what is on it now. */
const emptyRecords = (start: number) => ({ offset: start, bytes: Buffer.alloc(2 * RECORD_OFFSETS[1]) });

/** A disk with this FAT32 volume, made for MBR_FIRST_SECTOR, as its active partition, and room for kernel updates behind it. */
export const mbrDisk = (volume: SparseImage): SparseImage => {
  const start = MBR_FIRST_SECTOR * SECTOR_BYTES;
  const id = createHash('sha256').update(hashOf(volume)).digest().readUInt32LE(0);
  const sectors = volume.bytes / SECTOR_BYTES;
  const entries = [
    mbrEntry(FAT32_LBA, MBR_FIRST_SECTOR, sectors, true),
    slotEntry(MBR_FIRST_SECTOR + sectors),
  ];
  const head = { offset: 0, bytes: mbrSector(entries, id) };
  const end = start + volume.bytes;
  return sparseImage(end + SLOT_PARTITION_BYTES, [head, ...movedTo(volume, start), emptyRecords(end)]);
};

/** A power of two: cards have such sizes. */
const SLOT_DISK_BYTES = 16 * 2 ** 20;

/** A disk for kernel updates alone, for boards whose firmware starts the image from elsewhere. */
export const slotDisk = (): SparseImage => {
  const head = { offset: 0, bytes: mbrSector([slotEntry(MBR_FIRST_SECTOR)], 0x53_4c_4f_54) };
  return sparseImage(SLOT_DISK_BYTES, [head, emptyRecords(MBR_FIRST_SECTOR * SECTOR_BYTES)]);
};
