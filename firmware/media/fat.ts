/**
 * Makes FAT32 volumes (Microsoft FAT specification 1.03, also ECMA-107). Reproducible: no dates, ids from the contents.
 * One writer, no reader: nothing here ever changes a volume that somebody else made.
 */
import { createHash } from 'node:crypto';
import { MediaError } from './error.ts';
import { checkName, ENTRY_BYTES, longEntries, shortName } from './fat-name.ts';
import { type Folder, folderOf, type MediaFile } from './file.ts';
import { type Extent, SECTOR_BYTES, type SparseImage, sparseImage } from './sparse.ts';

export type FatOptions = {
  readonly files: readonly MediaFile[];
  /** Up to 11 characters, upper case. */
  readonly label: string;
  /** Where the volume will lie on its disk; 0 without a partition table. */
  readonly firstSector?: number;
};

const RESERVED_SECTORS = 32;
const BACKUP_SECTOR = 6;
const FATS = 2;
const ROOT_CLUSTER = 2;
/** A volume with fewer clusters than this is FAT16, whatever it says of itself. */
const MIN_CLUSTERS = 65525;
const MEDIA = 0xf8;
const END_OF_CHAIN = 0x0fffffff;
const DIRECTORY = 0x10;
const ARCHIVE = 0x20;
const VOLUME_LABEL = 0x08;
/** 1980-01-01, the first day that FAT knows. */
const NO_DATE = 0x0021;
/** 65525 clusters of one sector, both tables, and room for the files. */
const MIN_BYTES = 36 << 20;
/** Microsoft's table: one sector a cluster up to 260 MiB, eight up to 8 GiB. */
const SMALL_BYTES = 260 << 20;

type Geometry = {
  readonly sectors: number;
  readonly sectorsPerCluster: number;
  readonly fatSectors: number;
  readonly clusters: number;
};

const geometryOf = (bytes: number): Geometry => {
  const sectors = bytes / SECTOR_BYTES;
  const sectorsPerCluster = bytes <= SMALL_BYTES ? 1 : 8;
  const entriesPerSector = SECTOR_BYTES / 4;
  const perFatSector = entriesPerSector * sectorsPerCluster + FATS;
  const fatSectors = Math.ceil((sectors - RESERVED_SECTORS + 2 * sectorsPerCluster) / perFatSector);
  const clusters = Math.floor((sectors - RESERVED_SECTORS - FATS * fatSectors) / sectorsPerCluster);
  return { sectors, sectorsPerCluster, fatSectors, clusters };
};

/** Hands out runs of clusters, one after the other, and notes the chains. */
class Allocator {
  readonly fat: number[] = [0x0fffff00 | MEDIA, END_OF_CHAIN];
  readonly #clusterBytes: number;
  constructor(clusterBytes: number) {
    this.#clusterBytes = clusterBytes;
  }
  /** First cluster of `bytes` bytes; 0, "none", for an empty file. */
  take(bytes: number): number {
    const count = Math.ceil(bytes / this.#clusterBytes);
    const first = this.fat.length;
    for (let i = 1; i < count; i++) this.fat.push(first + i);
    if (count > 0) this.fat.push(END_OF_CHAIN);
    return count > 0 ? first : 0;
  }
}

const entry = (alias: string, attributes: number, cluster: number, bytes: number): Buffer => {
  const out = Buffer.alloc(ENTRY_BYTES);
  out.write(alias, 0, 'latin1');
  out[11] = attributes;
  out.writeUInt16LE(NO_DATE, 16); // made
  out.writeUInt16LE(NO_DATE, 18); // read
  out.writeUInt16LE(cluster >>> 16, 20);
  out.writeUInt16LE(NO_DATE, 24); // written
  out.writeUInt16LE(cluster & 0xffff, 26);
  out.writeUInt32LE(bytes, 28);
  return out;
};

type Placed = { readonly cluster: number; readonly bytes: Uint8Array };

/** Bytes that the entries of a folder take: known before the clusters of what is in it are. */
const folderBytes = (folder: Folder, isRoot: boolean) => {
  const taken = new Set<string>();
  let entries = isRoot ? 1 : 2; // the label, or "." and ".."
  for (const { name } of folder.entries) {
    const alias = shortName(name, taken);
    taken.add(alias);
    entries += 1 + longEntries(name, alias).length;
  }
  return entries * ENTRY_BYTES;
};

const place = (folder: Folder, parent: number, head: Buffer[], space: Allocator, placed: Placed[]) => {
  const own = space.take(folderBytes(folder, parent < 0));
  const dots =
    parent < 0
      ? head
      : [entry('.'.padEnd(11), DIRECTORY, own, 0), entry('..'.padEnd(11), DIRECTORY, parent, 0)];
  const taken = new Set<string>();
  const rows = [...dots];
  for (const child of folder.entries) {
    checkName(child.name);
    const alias = shortName(child.name, taken);
    taken.add(alias);
    const isFolder = 'entries' in child;
    const cluster = isFolder
      ? place(child, parent < 0 ? 0 : own, [], space, placed) // ".." of a folder in the root says 0
      : space.take(child.bytes.length);
    if (!isFolder) placed.push({ cluster, bytes: child.bytes });
    rows.push(...longEntries(child.name, alias));
    rows.push(entry(alias, isFolder ? DIRECTORY : ARCHIVE, cluster, isFolder ? 0 : child.bytes.length));
  }
  placed.push({ cluster: own, bytes: Buffer.concat(rows) });
  return own;
};

const bootSector = (geometry: Geometry, label: string, id: number, firstSector: number): Buffer => {
  const out = Buffer.alloc(SECTOR_BYTES);
  out.write('\xeb\x58\x90MSWIN4.1', 0, 'latin1'); // the name that all readers know
  out.writeUInt16LE(SECTOR_BYTES, 11);
  out[13] = geometry.sectorsPerCluster;
  out.writeUInt16LE(RESERVED_SECTORS, 14);
  out[16] = FATS;
  out[21] = MEDIA;
  out.writeUInt16LE(63, 24); // sectors a track and heads: for BIOSes
  out.writeUInt16LE(255, 26);
  out.writeUInt32LE(firstSector, 28);
  out.writeUInt32LE(geometry.sectors, 32);
  out.writeUInt32LE(geometry.fatSectors, 36);
  out.writeUInt32LE(ROOT_CLUSTER, 44);
  out.writeUInt16LE(1, 48); // FSInfo
  out.writeUInt16LE(BACKUP_SECTOR, 50);
  out[64] = 0x80;
  out[66] = 0x29; // id, label and type follow
  out.writeUInt32LE(id, 67);
  out.write(label.padEnd(11), 71, 'latin1');
  out.write('FAT32   ', 82, 'latin1');
  out.write('\xf4\xeb\xfd', 90, 'latin1'); // hlt, again: a PC that tries to boot this stops
  out.writeUInt16LE(0xaa55, 510);
  return out;
};

const infoSector = (free: number, next: number): Buffer => {
  const out = Buffer.alloc(SECTOR_BYTES);
  out.writeUInt32LE(0x41615252, 0);
  out.writeUInt32LE(0x61417272, 484);
  out.writeUInt32LE(free, 488);
  out.writeUInt32LE(next, 492);
  out.writeUInt32LE(0xaa550000, 508);
  return out;
};

/** Same files, same id. */
const idOf = (files: readonly MediaFile[]): number => {
  const hash = createHash('sha256');
  for (const { path, bytes } of files) hash.update(path).update('\0').update(bytes);
  return hash.digest().readUInt32LE(0);
};

type Laid = { readonly placed: readonly Placed[]; readonly fat: readonly number[] };

const layOut = (root: Folder, label: string, clusterBytes: number): Laid => {
  const space = new Allocator(clusterBytes);
  const placed: Placed[] = [];
  place(root, -1, [entry(label.padEnd(11), VOLUME_LABEL, 0, 0)], space, placed);
  return { placed, fat: space.fat };
};

/** The smallest volume that is FAT32 and holds the files: 36 MiB, or that doubled as often as it takes. */
const smallest = (root: Folder, label: string): { geometry: Geometry; laid: Laid } => {
  for (let bytes = MIN_BYTES; bytes <= 256 * MIN_BYTES; bytes *= 2) {
    const geometry = geometryOf(bytes);
    const laid = layOut(root, label, geometry.sectorsPerCluster * SECTOR_BYTES);
    if (geometry.clusters >= MIN_CLUSTERS && laid.fat.length <= geometry.clusters + 2)
      return { geometry, laid };
  }
  throw new MediaError('the files do not fit a FAT32 volume of 9 GiB', 'leave some out');
};

const tableOf = (fat: readonly number[]): Buffer => {
  const out = Buffer.alloc(Math.ceil((fat.length * 4) / SECTOR_BYTES) * SECTOR_BYTES);
  for (const [i, next] of fat.entries()) out.writeUInt32LE(next, i * 4);
  return out;
};

/** A FAT32 volume with these files. @throws MediaError for names it cannot hold, or too many bytes. */
export const fatVolume = ({ files, label, firstSector = 0 }: FatOptions): SparseImage => {
  if (!/^[A-Z0-9 _-]{1,11}$/.test(label))
    throw new MediaError(`${label} cannot be the label of a FAT volume`);
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const { geometry, laid } = smallest(folderOf(sorted), label);
  const { fatSectors, sectorsPerCluster, clusters, sectors } = geometry;
  const boot = bootSector(geometry, label, idOf(sorted), firstSector);
  const info = infoSector(clusters + 2 - laid.fat.length, laid.fat.length);
  const table = tableOf(laid.fat);
  const data = (RESERVED_SECTORS + FATS * fatSectors) * SECTOR_BYTES;
  const extents: Extent[] = [0, BACKUP_SECTOR].flatMap((sector) => [
    { offset: sector * SECTOR_BYTES, bytes: boot },
    { offset: (sector + 1) * SECTOR_BYTES, bytes: info },
  ]);
  for (let i = 0; i < FATS; i++) {
    extents.push({ offset: (RESERVED_SECTORS + i * fatSectors) * SECTOR_BYTES, bytes: table });
  }
  for (const { cluster, bytes } of laid.placed) {
    extents.push({ offset: data + (cluster - 2) * sectorsPerCluster * SECTOR_BYTES, bytes });
  }
  return sparseImage(sectors * SECTOR_BYTES, extents);
};
