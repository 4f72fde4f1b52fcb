/** Signed numbers of 64 bits, short where they are small: LEB128 of their zigzag form, as the kernel writes them (lib/varint.c). */
import { CodecError } from './codec.ts';

export const VARINT_BYTES = 10;

const zigzag = (value: bigint) => {
  const signed = BigInt.asIntN(64, value);
  return BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n));
};
const unzigzag = (value: bigint) => (value >> 1n) ^ -(value & 1n);

const pushVarint = (out: number[], value: bigint) => {
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
};

export const pushSigned = (out: number[], value: bigint): void => pushVarint(out, zigzag(value));

export class VarintReader {
  readonly #data: Uint8Array;
  at = 0;
  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get done(): boolean {
    return this.at === this.#data.length;
  }

  byte(): number {
    const byte = this.#data[this.at];
    if (byte === undefined) throw new CodecError('data', 'is cut off');
    this.at += 1;
    return byte;
  }

  /** Up to 35 bits are read as a number: nearly all are that small. */
  #varint(): bigint {
    let [small, bits] = [0, 0];
    let byte = this.byte();
    for (; byte >= 128 && bits < 28; byte = this.byte()) {
      small += (byte & 127) * 2 ** bits;
      bits += 7;
    }
    if (byte < 128) return BigInt(small + byte * 2 ** bits);
    let value = BigInt(small);
    for (; byte >= 128; byte = this.byte()) {
      value |= BigInt(byte & 127) << BigInt(bits);
      bits += 7;
      if (bits > 63) throw new CodecError('data', 'has a number of more than 64 bits');
    }
    return value | (BigInt(byte) << BigInt(bits));
  }

  /** @throws CodecError when the data ends before, or the number is larger */
  signed(): bigint {
    return unzigzag(this.#varint());
  }
}
