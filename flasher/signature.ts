/** The signature of an image (abi/image.ts, RFC 9052 §4.4), checked on the host before the image is put anywhere. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { decode, encode } from 'cborg';
import { COSE_SIGN1_TAG, imageKeys, KEY_ID_BYTES, merkleRoot } from '../abi/index.ts';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex'); // RFC 8410 §4

const idOf = (key: Uint8Array) => createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES);

const partsOf = (message: Buffer): readonly [Uint8Array, Uint8Array, Uint8Array] | undefined => {
  try {
    if (message[0] !== (0xc0 | COSE_SIGN1_TAG)) return undefined;
    const [header, , payload, signature] = decode(message.subarray(1), { useMaps: true }) as Uint8Array[];
    return [header!, payload!, signature!];
  } catch {
    return undefined;
  }
};

const keyIdIn = (header: Uint8Array): string =>
  Buffer.from((decode(header, { useMaps: true }) as Map<number, Uint8Array>).get(4) ?? []).toString('hex');

const holds = (header: Uint8Array, payload: Uint8Array, signature: Uint8Array, key: Uint8Array) => {
  const signed = encode(['Signature1', header, new Uint8Array(0), payload]);
  const spki = Buffer.concat([SPKI_PREFIX, key]);
  return verify(null, signed, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
};

/** Why this key does not vouch for these bytes; undefined when it does. `signed` is base64. */
export const signatureProblem = (
  image: Uint8Array,
  signed: string | undefined,
  key: Uint8Array,
): string | undefined => {
  const parts = signed === undefined ? undefined : partsOf(Buffer.from(signed, 'base64'));
  if (!parts) return 'has no signature';
  const [header, payload, signature] = parts;
  const wanted = idOf(key).toString('hex');
  const id = keyIdIn(header);
  if (id !== wanted) return `is signed by key ${id}, not by ${wanted}`;
  if (!holds(header, payload, signature, key)) return 'has a signature that does not hold';
  const root = (decode(payload, { useMaps: true }) as Map<number, Uint8Array>).get(imageKeys.root.key);
  return Buffer.from(merkleRoot(image)).equals(Buffer.from(root ?? []))
    ? undefined
    : 'signs another image than this';
};
