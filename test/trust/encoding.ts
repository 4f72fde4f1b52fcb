/** CBOR put together by hand, so that it can be wrong on purpose. */
import { encode } from 'cborg';
import { mapKeys, patchKeys } from '../../abi/index.ts';
import type { Patch } from '../../firmware/sign.ts';

export const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');
export const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

/** A key and a value, both encoded already. */
export type Pair = readonly [Uint8Array, Uint8Array];

const MAJOR_ARRAY = 4;
const MAJOR_MAP = 5;
const head = (major: number, count: number) =>
  count < 24 ? Buffer.of((major << 5) | count) : Buffer.of((major << 5) | 24, count);

export const mapOf = (pairs: readonly Pair[]): Uint8Array =>
  join(head(MAJOR_MAP, pairs.length), ...pairs.flat());
export const arrayOf = (items: readonly Uint8Array[]): Uint8Array =>
  join(head(MAJOR_ARRAY, items.length), ...items);

type Keys = Readonly<Record<string, { readonly key: number }>>;

const pairsBy = (
  keys: Keys,
  value: object,
  encodeValue: (name: string, value: unknown) => Uint8Array,
): Pair[] =>
  Object.entries(keys)
    .filter(([name]) => name in value)
    .map(([name, { key }]) => [encode(key), encodeValue(name, (value as Record<string, unknown>)[name])]);

export const mapPairs = (map: Patch['maps'][number]): Pair[] =>
  pairsBy(mapKeys, map, (_, value) => encode(value));

/** The pairs of a patch in their order. */
export const patchPairs = (patch: Patch): Pair[] =>
  pairsBy(patchKeys, patch, (name, value) =>
    name === 'maps' ? arrayOf((value as Patch['maps']).map((map) => mapOf(mapPairs(map)))) : encode(value),
  );

/** The pairs with the value of one key replaced, or with the pair left out. */
export const withValue = (pairs: readonly Pair[], key: number, value?: Uint8Array): Pair[] =>
  pairs.flatMap((pair) => {
    if (Buffer.compare(pair[0], encode(key)) !== 0) return [pair];
    return value ? [[pair[0], value] as const] : [];
  });
