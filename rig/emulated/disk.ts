/** An emulated disk, with faults on demand. */
import type { OpenDisk } from '../../flasher/index.ts';

export type DiskFault =
  /** Vanishes when this byte is written or read. */
  | { readonly kind: 'unplug'; readonly at: number }
  | { readonly kind: 'write-error'; readonly at: number }
  | { readonly kind: 'read-error'; readonly at: number }
  /** Takes the write of this byte and keeps another one. */
  | { readonly kind: 'corrupt'; readonly at: number }
  /** Is smaller than it says: what is written behind this byte is lost, as on a forged card. */
  | { readonly kind: 'lying-size'; readonly at: number }
  /** Full at this byte, without an error. */
  | { readonly kind: 'full'; readonly at: number }
  /** Takes and gives a few bytes at a time. */
  | { readonly kind: 'short'; readonly bytes: number }
  | { readonly kind: 'busy' | 'denied' | 'no-medium' }
  /** Vanishes at this operation, opening and flushing counted; what was under way fails with this code first. */
  | { readonly kind: 'leaves'; readonly at: number; readonly code: 'EIO' | 'ENODEV' | 'ENXIO' };

const failed = (code: string, message: string) => Object.assign(new Error(`${code}: ${message}`), { code });

const openErrors: Readonly<Record<string, Error>> = {
  busy: failed('EBUSY', 'resource busy or locked'),
  denied: failed('EACCES', 'permission denied'),
  'no-medium': failed('ENOMEDIUM', 'no medium found'),
};

export class EmulatedDisk {
  readonly bytes: Buffer;
  /** Offsets of writes in their order: the first block must come last. */
  readonly writes: number[] = [];
  /** Of all handles, in their order. */
  operations = 0;
  readonly #fault: DiskFault | undefined;

  constructor(size: number, fault?: DiskFault) {
    this.bytes = Buffer.alloc(size, 0xaa);
    this.#fault = fault;
  }

  readonly open: OpenDisk = async () => {
    const refusal = this.#fault && openErrors[this.#fault.kind];
    if (refusal) throw refusal;
    this.#operate(true);
    return {
      write: async (data, offset) => this.#write(data, offset),
      read: async (into, offset) => this.#read(into, offset),
      sync: async () => this.#operate(),
      close: async () => {},
    };
  };

  /** A disk that left cannot be opened again, whatever its open handles say. */
  #operate(opens = false): void {
    const at = this.operations++;
    const fault = this.#fault;
    if (fault?.kind === 'leaves' && at >= fault.at)
      throw failed(opens && fault.code === 'EIO' ? 'ENXIO' : fault.code, 'no such device');
  }

  #hits(offset: number, length: number): boolean {
    const fault = this.#fault;
    const at = fault && 'at' in fault && fault.kind !== 'leaves' ? fault.at : -1;
    return at >= offset && at < offset + length;
  }

  #write(data: Uint8Array, offset: number): number {
    const fault = this.#fault;
    this.#operate();
    this.writes.push(offset);
    if (fault?.kind === 'unplug' && this.#hits(offset, data.length)) throw failed('ENODEV', 'no such device');
    if (fault?.kind === 'write-error' && this.#hits(offset, data.length)) throw failed('EIO', 'i/o error');
    const length = this.#taken(data.length, offset);
    this.bytes.set(data.subarray(0, length), offset);
    if (fault?.kind === 'corrupt' && this.#hits(offset, length)) this.bytes[fault.at]! ^= 1;
    if (fault?.kind === 'lying-size') this.bytes.fill(0, fault.at);
    return length;
  }

  #taken(length: number, offset: number): number {
    const fault = this.#fault;
    if (fault?.kind === 'short') return Math.min(length, fault.bytes);
    return fault?.kind === 'full' ? Math.max(0, Math.min(length, fault.at - offset)) : length;
  }

  #read(into: Uint8Array, offset: number): number {
    const fault = this.#fault;
    this.#operate();
    if (fault?.kind === 'read-error' && this.#hits(offset, into.length)) throw failed('EIO', 'i/o error');
    const wanted = fault?.kind === 'short' ? Math.min(into.length, fault.bytes) : into.length;
    return this.bytes.copy(into, 0, offset, offset + wanted);
  }
}
