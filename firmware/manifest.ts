/** The manifest that travels with an image: what it is, and a Merkle root by which any page of it can be checked. */
import { createHash } from 'node:crypto';
import { contractId } from '../abi/index.ts';

export const PAGE_BYTES = 4096;

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
  /** First 8 bytes of SHA-256 of the public key stamped into the image, hex. */
  readonly key_id: string;
};

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const leaf = (page: Uint8Array) => sha256(Uint8Array.of(0), page);
const node = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right);

/** Largest power of two below n, for n > 1. */
const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1));

const rootOf = (leaves: readonly Uint8Array[]): Uint8Array => {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return node(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
};

/** Merkle tree hash over the pages of an image; the last page may be short. */
export const merkleRoot = (image: Uint8Array): Uint8Array => {
  const pages: Uint8Array[] = [];
  for (let at = 0; at < image.length; at += PAGE_BYTES) pages.push(leaf(image.subarray(at, at + PAGE_BYTES)));
  return rootOf(pages);
};

export const keyId = (publicKey: Uint8Array): string => sha256(publicKey).subarray(0, 8).toString('hex');

export const makeManifest = (input: {
  version: string;
  buildId: string;
  file: string;
  image: Uint8Array;
  memoryBytes: number;
  publicKey: Uint8Array;
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
    page_bytes: PAGE_BYTES,
    pages: Math.ceil(input.image.length / PAGE_BYTES),
    root: Buffer.from(merkleRoot(input.image)).toString('hex'),
  },
  key_id: keyId(input.publicKey),
});
