/** A disk with a Master Boot Record and one partition. */
import { createHash } from 'node:crypto';
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

export const mbrSector = (entry: Buffer, id: number): Buffer => {
  const out = Buffer.alloc(SECTOR_BYTES);
  out.writeUInt32LE(id, 440);
  entry.copy(out, 446);
  out.writeUInt16LE(SIGNATURE, 510);
  return out;
};

/** A disk with this FAT32 volume, made for MBR_FIRST_SECTOR, as its one, active partition. */
export const mbrDisk = (volume: SparseImage): SparseImage => {
  const start = MBR_FIRST_SECTOR * SECTOR_BYTES;
  const id = createHash('sha256').update(hashOf(volume)).digest().readUInt32LE(0);
  const entry = mbrEntry(FAT32_LBA, MBR_FIRST_SECTOR, volume.bytes / SECTOR_BYTES, true);
  const head = { offset: 0, bytes: mbrSector(entry, id) };
  return sparseImage(start + volume.bytes, [head, ...movedTo(volume, start)]);
};
