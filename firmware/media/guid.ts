/** GUIDs in the byte order of GPT (UEFI 2.10, appendix A): the first three groups little endian. */
import { createHash } from 'node:crypto';

/** Bytes of `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
export const guidBytes = (text: string): Buffer => {
  const plain = Buffer.from(text.replaceAll('-', ''), 'hex');
  if (plain.length !== 16) throw new RangeError(`${text} is not a GUID`);
  plain.subarray(0, 4).reverse();
  plain.subarray(4, 6).reverse();
  plain.subarray(6, 8).reverse();
  return plain;
};

/** A GUID that depends on nothing but what it names: RFC 9562 version 8. */
export const guidFrom = (...parts: readonly string[]): Buffer => {
  const bytes = createHash('sha256').update(parts.join('\0')).digest().subarray(0, 16);
  bytes[7] = (bytes[7]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
};
