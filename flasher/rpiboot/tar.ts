/** Reads `bootfiles.bin`: a plain tar (POSIX.1-1988 ustar) of the files that boards ask for. */
import { ImageError } from '../image.ts';

const BLOCK = 512;
const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM = [148, 156] as const;
const TYPE_AT = 156;
const PREFIX = [345, 500] as const;
const REGULAR = new Set([0, 0x30]); // NUL or '0'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1').split('\0')[0] ?? '';
/** NaN when it is none: a size below zero would lead back to files before. */
const octal = (bytes: Uint8Array) => {
  const digits = text(bytes).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN;
};

/** Sum of the header's bytes with the checksum field taken as spaces. */
const checksum = (header: Uint8Array) =>
  header.reduce((sum, byte, at) => sum + (at >= CHECKSUM[0] && at < CHECKSUM[1] ? 0x20 : byte), 0);

const isTar = (header: Uint8Array) => octal(header.subarray(...CHECKSUM)) === checksum(header);

const memberName = (header: Uint8Array) => {
  const prefix = text(header.subarray(257, 262)) === 'ustar' ? text(header.subarray(...PREFIX)) : '';
  return (prefix ? `${prefix}/` : '') + text(header.subarray(...NAME));
};

/** Contents by name, without a leading `./`. @throws ImageError with the offset where it stops making sense. */
export const readTar = (path: string, bytes: Uint8Array): Map<string, Uint8Array> => {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return files;
    if (!isTar(header)) throw new ImageError(path, `is not a tar archive at byte ${at}`);
    const size = octal(header.subarray(...SIZE));
    const start = at + BLOCK;
    if (!(start + size <= bytes.length)) {
      throw new ImageError(path, `is cut off: the file at byte ${at} claims ${size} bytes`);
    }
    if (REGULAR.has(header[TYPE_AT]!)) {
      files.set(memberName(header).replace(/^\.\//, ''), bytes.subarray(start, start + size));
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
};
