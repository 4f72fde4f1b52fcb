/** The part of Protocol Buffers' wire format that a Perfetto trace needs: varints, doubles, and what has a length. */

/** A field's number with its value. A number or bigint is a varint, an array a nested message. */
export type Field = readonly [number: number, value: number | bigint | string | Double | readonly Field[]];

export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

const varint = (value: bigint): number[] => {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
};

const key = (number: number, type: number) => varint(BigInt(number * 8 + type));

const fieldBytes = ([number, value]: Field): Buffer => {
  if (typeof value === 'number' || typeof value === 'bigint')
    return Buffer.from([...key(number, VARINT), ...varint(BigInt(value))]);
  if (value instanceof Double) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value.value);
    return Buffer.concat([Buffer.from(key(number, FIXED64)), bytes]);
  }
  const body = typeof value === 'string' ? Buffer.from(value) : message(value);
  return Buffer.concat([Buffer.from([...key(number, LENGTH), ...varint(BigInt(body.length))]), body]);
};

export const message = (fields: readonly Field[]): Buffer => Buffer.concat(fields.map(fieldBytes));
