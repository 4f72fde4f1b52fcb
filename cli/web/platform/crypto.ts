/** What the code uses of `node:crypto`, in a browser: SHA-256 without waiting, which WebCrypto has not. */
import { sha256 } from '@noble/hashes/sha2.js';

class Sha256 {
  readonly #hash = sha256.create();

  update(part: Uint8Array | string): this {
    this.#hash.update(typeof part === 'string' ? new TextEncoder().encode(part) : part);
    return this;
  }

  digest(): Buffer;
  digest(encoding: 'hex'): string;
  digest(encoding?: 'hex'): Buffer | string {
    const hash = Buffer.from(this.#hash.digest());
    return encoding ? hash.toString(encoding) : hash;
  }
}

/** @throws Error for every algorithm but SHA-256 */
export const createHash = (algorithm: string): Sha256 => {
  if (algorithm !== 'sha256') throw new Error(`${algorithm} is not to be had in a browser`);
  return new Sha256();
};

/** A whole number from 0 up to `below` - 1. */
export const randomInt = (below: number): number => crypto.getRandomValues(new Uint32Array(1))[0]! % below;

export const randomUUID = (): string => crypto.randomUUID();
