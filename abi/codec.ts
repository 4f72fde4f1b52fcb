/** Encodes and decodes the flat CBOR maps of `messages.ts` (RFC 8949). */
import { decode, encode } from 'cborg';
import type { Field, Fields, RecordOf } from './fields.ts';

/** A record that does not match its declaration: names the field and what was found. */
export class CodecError extends Error {
  readonly field: string;
  readonly exit = 'usage';
  constructor(field: string, problem: string, options?: ErrorOptions) {
    super(`${field}: ${problem}`, options);
    this.name = 'CodecError';
    this.field = field;
  }
}

const checkText = (key: string, field: { max: number }, value: unknown) => {
  if (typeof value !== 'string') throw new CodecError(key, `expected text, got ${typeof value}`);
  if (Buffer.byteLength(value) > field.max) throw new CodecError(key, `longer than ${field.max} bytes`);
  return value;
};

const checkBytes = (key: string, field: { max: number }, value: unknown) => {
  if (!(value instanceof Uint8Array)) throw new CodecError(key, `expected bytes, got ${typeof value}`);
  if (value.length > field.max) throw new CodecError(key, `longer than ${field.max} bytes`);
  return value;
};

const checkInteger = (key: string, value: unknown, limit: bigint) => {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) {
    throw new CodecError(key, `expected a whole number, got ${typeof value}`);
  }
  const big = BigInt(value as number | bigint);
  if (big < 0n || big >= limit) throw new CodecError(key, `${value} is out of range`);
  return big;
};

const check = (key: string, field: Field, value: unknown): unknown => {
  switch (field.kind) {
    case 'u32':
      return Number(checkInteger(key, value, 1n << 32n));
    case 'u64':
      return checkInteger(key, value, 1n << 64n);
    case 'bool':
      if (typeof value !== 'boolean')
        throw new CodecError(key, `expected true or false, got ${typeof value}`);
      return value;
    case 'text':
      return checkText(key, field, value);
    case 'bytes':
      return checkBytes(key, field, value);
  }
};

const checkRecord = (fields: Fields, value: Record<string, unknown>): Record<string, unknown> => {
  const out: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(fields)) {
    if (value[key] !== undefined) out[key] = check(key, field, value[key]);
    else if (!field.optional) throw new CodecError(key, 'is missing');
  }
  return out;
};

/** @throws CodecError when the value does not match the declaration. */
export const encodeRecord = <F extends Fields>(fields: F, value: RecordOf<F>): Uint8Array =>
  encode(checkRecord(fields, value as Record<string, unknown>));

/** Unknown keys are dropped, so that newer boards can add some. @throws CodecError on anything else that does not match. */
export const decodeRecord = <F extends Fields>(fields: F, data: Uint8Array): RecordOf<F> => {
  let value: unknown;
  try {
    value = decode(data, { allowBigInt: true });
  } catch (cause) {
    throw new CodecError('payload', 'is not valid CBOR', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CodecError('payload', 'is not a CBOR map');
  }
  return checkRecord(fields, value as Record<string, unknown>) as RecordOf<F>;
};
