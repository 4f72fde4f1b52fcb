/** What the code uses of `node:crypto`, in a browser: SHA-256 (FIPS 180-4) without waiting, which WebCrypto has not. */

/** First 32 bits of the fractional parts of cube roots (k) and square roots (start) of the first primes, FIPS 180-4 §4.2.2, §5.3.3. */
const primes = Array.from({ length: 312 }, (_, n) => n).filter(
  (n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0),
);
const fraction = (root: number) => ((root - Math.floor(root)) * 2 ** 32) | 0;
const k = Int32Array.from(primes.slice(0, 64), (p) => fraction(Math.cbrt(p)));
const start = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));

const BLOCK = 64;
const rotate = (x: number, n: number) => (x >>> n) | (x << (32 - n));

/** One block of 64 bytes at `at`, §6.2.2. */
const compress = (state: Int32Array, w: Int32Array, view: DataView, at: number) => {
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
  for (let i = 16; i < BLOCK; i++) {
    const [x, y] = [w[i - 15]!, w[i - 2]!];
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  for (let i = 0; i < BLOCK; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  for (const [i, x] of [a, b, c, d, e, f, g, h].entries()) state[i] = state[i]! + x;
};

/** The message with a one bit, zeros and its length in bits, §5.1.1. */
const padded = (parts: readonly Uint8Array[]): Uint8Array => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const message = new Uint8Array(Math.ceil((length + 9) / BLOCK) * BLOCK);
  let at = 0;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  message[length] = 0x80;
  new DataView(message.buffer).setBigUint64(message.length - 8, BigInt(length) * 8n);
  return message;
};

class Sha256 {
  readonly #parts: Uint8Array[] = [];

  update(part: Uint8Array | string): this {
    this.#parts.push(typeof part === 'string' ? new TextEncoder().encode(part) : part.slice());
    return this;
  }

  digest(): Buffer;
  digest(encoding: 'hex'): string;
  digest(encoding?: 'hex'): Buffer | string {
    const message = padded(this.#parts);
    const view = new DataView(message.buffer);
    const state = start.slice();
    const words = new Int32Array(BLOCK);
    for (let at = 0; at < message.length; at += BLOCK) compress(state, words, view, at);
    const hash = Buffer.alloc(32);
    for (const [i, word] of state.entries()) hash.writeInt32BE(word, 4 * i);
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
