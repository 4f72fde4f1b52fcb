/** The signed manifest of an image, taken apart (abi/image.ts, RFC 9052 §4.2 and §4.4). */
import { createHash } from 'node:crypto';
import { decode, encode } from 'cborg';
import { COSE_SIGN1_TAG, imageKeys, KEY_ID_BYTES, merkleRoot } from '../abi/index.ts';

export type SignedImage = {
  readonly keyId: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** What the signature is over. */
  readonly toBeSigned: Uint8Array;
};

export const keyIdOf = (key: Uint8Array): string =>
  createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES).toString('hex');

const mapIn = (bytes: Uint8Array) => decode(bytes, { useMaps: true }) as Map<number, unknown>;
const KEY_ID = 4; // RFC 9052, table 2

/** @param signed base64. Undefined when it is no such message. */
export const signedImage = (signed: string | undefined): SignedImage | undefined => {
  try {
    const message = Buffer.from(signed ?? '', 'base64');
    if (message[0] !== (0xc0 | COSE_SIGN1_TAG)) return undefined;
    const [header, , payload, signature] = decode(message.subarray(1), { useMaps: true }) as Uint8Array[];
    if (!(signature instanceof Uint8Array)) return undefined;
    const keyId = Buffer.from((mapIn(header!).get(KEY_ID) ?? []) as Uint8Array).toString('hex');
    const toBeSigned = encode(['Signature1', header, new Uint8Array(0), payload]);
    return { keyId, payload: payload!, signature, toBeSigned };
  } catch {
    return undefined;
  }
};

/** What the signed manifest says. Undefined when there is none, or it is none. */
export const imageFacts = (signed: string | undefined): { boardClass: string; root: Buffer } | undefined => {
  const message = signedImage(signed);
  if (!message) return undefined;
  try {
    const facts = mapIn(message.payload);
    return {
      boardClass: String(facts.get(imageKeys.board_class.key)),
      root: Buffer.from((facts.get(imageKeys.root.key) ?? []) as Uint8Array),
    };
  } catch {
    return undefined;
  }
};

/** Why a key cannot vouch for these bytes, before the signature itself is checked. */
export const signingProblem = (
  image: Uint8Array,
  signed: string | undefined,
  key: Uint8Array,
): string | undefined => {
  const message = signedImage(signed);
  if (!message) return 'has no signature';
  const wanted = keyIdOf(key);
  if (message.keyId !== wanted) return `is signed by key ${message.keyId}, not by ${wanted}`;
  const root = Buffer.from(merkleRoot(image));
  return imageFacts(signed)?.root.equals(root) ? undefined : 'signs another image than this';
};

export const BROKEN_SIGNATURE = 'has a signature that does not hold';
