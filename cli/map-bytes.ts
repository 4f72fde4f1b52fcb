/** Keys and values of maps on the command line: numbers, or bytes in hex. */
import { UsageError } from './failure.ts';

/** `42` and `0x2a` become little-endian bytes of this size, `hex:2a000000` exactly these bytes. @throws UsageError */
export const bytesOf = (text: string, size: number, what: string): Uint8Array => {
  const bytes = /^hex:((?:[0-9a-fA-F]{2})+)$/.exec(text)?.[1];
  if (bytes) {
    if (bytes.length === size * 2) return Buffer.from(bytes, 'hex');
    throw new UsageError(`the ${what} has ${bytes.length / 2} bytes`, `this map takes ${size}`);
  }
  if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(text)) {
    throw new UsageError(`${JSON.stringify(text)} is no ${what}`, 'write a number, or bytes as hex:0a000000');
  }
  const value = BigInt(text);
  if (value >> BigInt(8 * size) !== 0n)
    throw new UsageError(`${text} does not fit ${size} bytes`, 'see velocity map list');
  const out = Buffer.alloc(size);
  for (let i = 0; i < size; i += 1) out[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return out;
};

/** Little-endian numbers where a unit is small enough to be one, else hex. */
export const textOf = (bytes: Uint8Array, unit = bytes.length): string => {
  if (unit === 0 || bytes.length % unit !== 0 || unit > 8) return `hex:${Buffer.from(bytes).toString('hex')}`;
  const numbers: string[] = [];
  for (let at = 0; at < bytes.length; at += unit) {
    let value = 0n;
    for (let i = unit - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[at + i]!);
    numbers.push(value.toString());
  }
  return numbers.join(' ');
};
