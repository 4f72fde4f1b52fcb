/** The Merkle root by which any page of an image can be checked: RFC 9162 §2.1.1 over pages. */
import { createHash } from 'node:crypto';
import { IMAGE_PAGE_BYTES } from './image.ts';

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
  for (let at = 0; at < image.length; at += IMAGE_PAGE_BYTES)
    pages.push(leaf(image.subarray(at, at + IMAGE_PAGE_BYTES)));
  return rootOf(pages);
};
