/** A disk with a GUID Partition Table and one partition (UEFI 2.10, 5.3). */
import { crc32 } from './crc32.ts';
import { guidBytes, guidFrom } from './guid.ts';
import { mbrEntry, mbrSector } from './mbr.ts';
import { hashOf, movedTo, SECTOR_BYTES, type SparseImage, sparseImage } from './sparse.ts';

/** 1 MiB. */
export const GPT_FIRST_SECTOR = 2048;
const ENTRIES = 128;
const ENTRY_BYTES = 128;
const TABLE_SECTORS = (ENTRIES * ENTRY_BYTES) / SECTOR_BYTES;
const HEADER_BYTES = 92;
const PROTECTIVE = 0xee;
/** Room for the second table, so that the disk ends at a whole MiB. */
const TAIL_SECTORS = 2048;

export const partitionTypes = {
  /** EFI System Partition */
  efi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  /** "Basic data": what FAT volumes of other kinds are */
  data: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
} as const;

/** Attribute bit 2, "legacy BIOS bootable": U-Boot looks for its files on partitions that have it. */
const BOOTABLE = 4n;

type Partition = { readonly type: keyof typeof partitionTypes; readonly name: string };

const entryTable = (partition: Partition, id: string, sectors: number): Buffer => {
  const out = Buffer.alloc(TABLE_SECTORS * SECTOR_BYTES);
  guidBytes(partitionTypes[partition.type]).copy(out, 0);
  guidFrom('partition', id).copy(out, 16);
  out.writeBigUInt64LE(BigInt(GPT_FIRST_SECTOR), 32);
  out.writeBigUInt64LE(BigInt(GPT_FIRST_SECTOR + sectors - 1), 40);
  out.writeBigUInt64LE(partition.type === 'data' ? BOOTABLE : 0n, 48);
  out.write(partition.name, 56, 72, 'utf16le');
  return out;
};

type Header = { self: number; other: number; table: number; total: number; id: string; entries: Buffer };

const header = ({ self, other, table, total, id, entries }: Header): Buffer => {
  const out = Buffer.alloc(SECTOR_BYTES);
  out.write('EFI PART', 0, 'latin1');
  out.writeUInt32LE(0x00010000, 8);
  out.writeUInt32LE(HEADER_BYTES, 12);
  out.writeBigUInt64LE(BigInt(self), 24);
  out.writeBigUInt64LE(BigInt(other), 32);
  out.writeBigUInt64LE(BigInt(2 + TABLE_SECTORS), 40);
  out.writeBigUInt64LE(BigInt(total - TABLE_SECTORS - 2), 48);
  guidFrom('disk', id).copy(out, 56);
  out.writeBigUInt64LE(BigInt(table), 72);
  out.writeUInt32LE(ENTRIES, 80);
  out.writeUInt32LE(ENTRY_BYTES, 84);
  out.writeUInt32LE(crc32(entries), 88);
  out.writeUInt32LE(crc32(out.subarray(0, HEADER_BYTES)), 16);
  return out;
};

/** A disk with this volume, made for GPT_FIRST_SECTOR, as its one partition. */
export const gptDisk = (volume: SparseImage, partition: Partition): SparseImage => {
  const id = hashOf(volume);
  const sectors = volume.bytes / SECTOR_BYTES;
  const total = GPT_FIRST_SECTOR + sectors + TAIL_SECTORS;
  const last = total - 1;
  const entries = entryTable(partition, id, sectors);
  const protective = mbrEntry(PROTECTIVE, 1, Math.min(last, 0xffffffff));
  Buffer.from([0, 2, 0]).copy(protective, 1); // UEFI 2.10, table 5.4: CHS of sector 1
  const at = (sector: number, bytes: Uint8Array) => ({ offset: sector * SECTOR_BYTES, bytes });
  return sparseImage(total * SECTOR_BYTES, [
    at(0, mbrSector([protective], 0)),
    at(1, header({ self: 1, other: last, table: 2, total, id, entries })),
    at(2, entries),
    ...movedTo(volume, GPT_FIRST_SECTOR * SECTOR_BYTES),
    at(last - TABLE_SECTORS, entries),
    at(last, header({ self: last, other: 1, table: last - TABLE_SECTORS, total, id, entries })),
  ]);
};
