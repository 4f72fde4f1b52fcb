/** The manifest that travels with an image: what it is, and a Merkle root by which any page of it can be checked. */
import { createHash } from 'node:crypto';
import { contractId, IMAGE_PAGE_BYTES, merkleRoot } from '../abi/index.ts';

export type Manifest = {
  readonly format: 1;
  readonly version: string;
  readonly build: string;
  readonly abi: string;
  readonly image: {
    readonly file: string;
    readonly bytes: number;
    readonly memory_bytes: number;
    readonly sha256: string;
  };
  /** Root over the image's 4 KiB pages, as in RFC 9162 §2.1.1: leaves hash 0x00‖page, nodes 0x01‖left‖right. */
  readonly merkle: { readonly page_bytes: number; readonly pages: number; readonly root: string };
  /** What a running board measures of itself: root over so many bytes from the first, all that is never written. */
  readonly measured: { readonly bytes: number; readonly root: string };
  /** First 8 bytes of SHA-256 of the public key that signed the image, hex. */
  readonly key_id: string;
  /** The manifest as boards and loaders check it: COSE_Sign1 (abi/image.ts), base64. */
  readonly signed: string;
};

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const keyId = (publicKey: Uint8Array): string => sha256(publicKey).subarray(0, 8).toString('hex');

export const makeManifest = (input: {
  version: string;
  buildId: string;
  file: string;
  image: Uint8Array;
  memoryBytes: number;
  measuredBytes: number;
  publicKey: Uint8Array;
  signed: Uint8Array;
}): Manifest => ({
  format: 1,
  version: input.version,
  build: input.buildId,
  abi: contractId(),
  image: {
    file: input.file,
    bytes: input.image.length,
    memory_bytes: input.memoryBytes,
    sha256: sha256(input.image).toString('hex'),
  },
  merkle: {
    page_bytes: IMAGE_PAGE_BYTES,
    pages: Math.ceil(input.image.length / IMAGE_PAGE_BYTES),
    root: Buffer.from(merkleRoot(input.image)).toString('hex'),
  },
  measured: {
    bytes: input.measuredBytes,
    root: Buffer.from(merkleRoot(input.image.subarray(0, input.measuredBytes))).toString('hex'),
  },
  key_id: keyId(input.publicKey),
  signed: Buffer.from(input.signed).toString('base64'),
});
