/** What an emulated board writes to its card, in order: QEMU records it as Linux's dm-log-writes does. */
import { readFileSync } from 'node:fs';

const SECTOR_BYTES = 512;
const MAGIC = 0x6a736677736872n;
/** Has no data behind it (Linux, drivers/md/dm-log-writes.c, LOG_DISCARD_FLAG). */
const DISCARD = 4n;

/** Options of QEMU for an SD card or a virtio disk in a file; every write is noted in another one, too. */
export const recordedDisk = (kind: 'sd' | 'virtio', disk: string, record: string): string[] => {
  const options = [
    kind === 'sd' ? 'if=sd' : 'if=none,id=disk',
    'driver=blklogwrites,log-super-update-interval=1',
    `file.driver=raw,file.file.driver=file,file.file.filename=${disk}`,
    `log.driver=file,log.filename=${record}`,
  ];
  const device = kind === 'sd' ? [] : ['-device', 'virtio-blk-device,drive=disk'];
  return ['-drive', options.join(','), ...device];
};

export type SectorWrite = { readonly sector: number; readonly bytes: Buffer };

/** The sectors that were written, one after the other. @throws Error when the file is no such record */
export const recordedWrites = (record: string): SectorWrite[] => {
  const log = readFileSync(record);
  if (log.readBigUInt64LE() !== MAGIC || log.readUInt32LE(24) !== SECTOR_BYTES)
    throw new Error(`${record} is no record of writes in sectors of ${SECTOR_BYTES} bytes`);
  const writes: SectorWrite[] = [];
  // The first sector says what the file is. Each entry is one that says what follows, and that.
  for (let at = SECTOR_BYTES; at + SECTOR_BYTES <= log.length; ) {
    const [sector, count, flags] = [0, 8, 16].map((offset) => log.readBigUInt64LE(at + offset));
    at += SECTOR_BYTES;
    if (flags! & DISCARD) continue;
    for (let i = 0; i < Number(count); i += 1, at += SECTOR_BYTES)
      writes.push({ sector: Number(sector) + i, bytes: log.subarray(at, at + SECTOR_BYTES) });
  }
  return writes;
};

/** The disk after these writes; of the last one only the first half was made. */
export const torn = (disk: Uint8Array, writes: readonly SectorWrite[]): Buffer => {
  const result = Buffer.from(disk);
  for (const [i, { sector, bytes }] of writes.entries()) {
    const whole = i < writes.length - 1;
    bytes.copy(result, sector * SECTOR_BYTES, 0, whole ? SECTOR_BYTES : SECTOR_BYTES / 2);
  }
  return result;
};
