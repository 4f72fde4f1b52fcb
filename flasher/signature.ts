/** The signature of an image (abi/image.ts, RFC 9052 §4.4), checked on the host before the image is put anywhere. */
import { createPublicKey, verify } from 'node:crypto';
import { BROKEN_SIGNATURE, signedImage, signingProblem } from './cose.ts';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex'); // RFC 8410 §4

const holds = (signed: string | undefined, key: Uint8Array): boolean => {
  const message = signedImage(signed);
  if (!message) return false;
  const spki = Buffer.concat([SPKI_PREFIX, key]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify(null, message.toBeSigned, publicKey, message.signature);
};

/** Why this key does not vouch for these bytes; undefined when it does. `signed` is base64. */
export const signatureProblem = (
  image: Uint8Array,
  signed: string | undefined,
  key: Uint8Array,
): string | undefined =>
  signingProblem(image, signed, key) ?? (holds(signed, key) ? undefined : BROKEN_SIGNATURE);
