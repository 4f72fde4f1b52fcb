/** Memory as O_DIRECT wants it: reads and writes then pass by the system's cache, and so reach the medium itself. */

/** A page; no disk has larger sectors. */
export const ALIGNMENT_BYTES = 4096;
const WASM_PAGE_BYTES = 65_536;

/** Memory that begins where a page does. */
const paged = new WeakSet<ArrayBufferLike>();

/** Where it begins, the engine begins a page: the only memory in JavaScript of which that is known. */
const pages = (bytes: number): Buffer => {
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE_BYTES) });
  paged.add(buffer);
  return Buffer.from(buffer);
};

/** Buffers of a size that is a multiple of a page; ordinary ones where there is no such memory, which only costs time. */
export const alignedBuffers = (count: number, bytes: number): Buffer[] => {
  try {
    const memory = pages(count * bytes);
    return Array.from({ length: count }, (_, at) => memory.subarray(at * bytes, (at + 1) * bytes));
  } catch {
    return Array.from({ length: count }, () => Buffer.alloc(bytes));
  }
};

export const isAligned = ({ buffer, byteOffset, length }: Uint8Array, offset: number): boolean =>
  paged.has(buffer) && (byteOffset | length | offset) % ALIGNMENT_BYTES === 0;
