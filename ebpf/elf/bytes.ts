import { ElfError, type ElfStatus } from './error.ts';

/** Little-endian bytes of which no read leaves the range: it throws ElfError with the given status instead. */
export class Bytes {
  readonly data: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #status: ElfStatus;

  constructor(data: Uint8Array, what: string, status: ElfStatus = 'elf_truncated') {
    this.data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.#what = what;
    this.#status = status;
  }

  get size() {
    return this.data.byteLength;
  }

  #check(at: number, size: number) {
    if (at < 0 || size < 0 || at + size > this.size)
      throw new ElfError(
        this.#status,
        `${this.#what}: offset ${at} + ${size} is outside its ${this.size} bytes`,
      );
  }

  u8(at: number) {
    this.#check(at, 1);
    return this.#view.getUint8(at);
  }

  u16(at: number) {
    this.#check(at, 2);
    return this.#view.getUint16(at, true);
  }

  u32(at: number) {
    this.#check(at, 4);
    return this.#view.getUint32(at, true);
  }

  i32(at: number) {
    this.#check(at, 4);
    return this.#view.getInt32(at, true);
  }

  u64(at: number) {
    this.#check(at, 8);
    return this.#view.getBigUint64(at, true);
  }

  /** A 64-bit field that must be an offset or size within a file. */
  offset(at: number) {
    const value = this.u64(at);
    if (value > 0x7fff_ffffn)
      throw new ElfError(this.#status, `${this.#what}: ${value} at ${at} is not an offset`);
    return Number(value);
  }

  slice(at: number, size: number) {
    this.#check(at, size);
    return this.data.subarray(at, at + size);
  }

  /** NUL-terminated text; a longer one than `longest` bytes is cut. */
  text(at: number, longest = 512) {
    this.#check(at, 0);
    const window = this.data.subarray(at, at + longest);
    const end = window.indexOf(0);
    if (end < 0 && window.length < longest)
      throw new ElfError(this.#status, `${this.#what}: the string at ${at} does not end`);
    return Buffer.from(end < 0 ? window : window.subarray(0, end)).toString('utf8');
  }
}
