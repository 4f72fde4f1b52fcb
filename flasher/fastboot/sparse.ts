/** Android sparse images. Format: AOSP libsparse sparse_format.h, version 1.0; little endian. */
import type { BlockSource } from '../blocks.ts';

export const SPARSE_MAGIC = 0xed26ff3a;
export const SPARSE_HEADER_BYTES = 28;
export const SPARSE_CHUNK_HEADER_BYTES = 12;
export const SPARSE_BLOCK_BYTES = 4096;
export const sparseChunk = { raw: 0xcac1, fill: 0xcac2, skip: 0xcac3, crc32: 0xcac4 } as const;

const FILL_BYTES = 4;

/** Blocks that are all alike are sent as their four bytes; there is no crc32 chunk, U-Boot ignores it. */
type Run =
  | { readonly kind: 'raw'; readonly start: number; readonly blocks: number }
  | { readonly kind: 'fill'; readonly value: number; readonly start: number; readonly blocks: number };

/** The last block is filled up with zeros: sparse images know whole blocks only. */
const readBlock = (image: BlockSource, block: number) => {
  const offset = block * SPARSE_BLOCK_BYTES;
  const length = Math.min(SPARSE_BLOCK_BYTES, image.bytes - offset);
  const bytes = image.read(offset, length);
  if (length === SPARSE_BLOCK_BYTES) return Buffer.from(bytes.buffer, bytes.byteOffset, length);
  const whole = Buffer.alloc(SPARSE_BLOCK_BYTES);
  whole.set(bytes);
  return whole;
};

/** The four bytes that the block repeats, if it does: it then equals itself shifted by four. */
const fillValue = (block: Buffer): number | undefined =>
  block.compare(block, FILL_BYTES, SPARSE_BLOCK_BYTES, 0, SPARSE_BLOCK_BYTES - FILL_BYTES) === 0
    ? block.readUInt32LE(0)
    : undefined;

export const sparseBlocks = ({ bytes }: BlockSource): number => Math.ceil(bytes / SPARSE_BLOCK_BYTES);

function* runs(image: BlockSource): Generator<Run> {
  let run: Run | undefined;
  for (let block = 0; block < sparseBlocks(image); block++) {
    const value = fillValue(readBlock(image, block));
    const continues = run && (run.kind === 'fill' ? run.value === value : value === undefined);
    if (run && continues) {
      run = { ...run, blocks: run.blocks + 1 };
      continue;
    }
    if (run) yield run;
    run =
      value === undefined
        ? { kind: 'raw', start: block, blocks: 1 }
        : { kind: 'fill', value, start: block, blocks: 1 };
  }
  if (run) yield run;
}

const chunkHeader = (type: number, blocks: number, dataBytes: number) => {
  const header = Buffer.alloc(SPARSE_CHUNK_HEADER_BYTES);
  header.writeUInt16LE(type, 0);
  header.writeUInt32LE(blocks, 4);
  header.writeUInt32LE(SPARSE_CHUNK_HEADER_BYTES + dataBytes, 8);
  return header;
};

/** One sparse image under construction: a window of the whole one, the rest is "don't care". */
class Piece {
  readonly #image: BlockSource;
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  /** Header and the closing skip chunk are always accounted for. */
  #bytes = SPARSE_HEADER_BYTES + SPARSE_CHUNK_HEADER_BYTES;
  #chunks = 0;
  #end = 0;

  constructor(image: BlockSource, limit: number, start: number) {
    this.#image = image;
    this.#limit = limit;
    if (start > 0) this.#add(chunkHeader(sparseChunk.skip, start, 0), start);
  }

  /** Takes as much of the run as fits; returns the number of blocks taken. */
  take(run: Run): number {
    const room = this.#limit - this.#bytes - SPARSE_CHUNK_HEADER_BYTES;
    if (run.kind === 'fill') {
      if (room < FILL_BYTES) return 0;
      const value = Buffer.alloc(FILL_BYTES);
      value.writeUInt32LE(run.value);
      this.#add(Buffer.concat([chunkHeader(sparseChunk.fill, run.blocks, FILL_BYTES), value]), run.blocks);
      return run.blocks;
    }
    const blocks = Math.min(run.blocks, Math.floor(room / SPARSE_BLOCK_BYTES));
    if (blocks <= 0) return 0;
    this.#add(chunkHeader(sparseChunk.raw, blocks, blocks * SPARSE_BLOCK_BYTES), blocks);
    for (let i = 0; i < blocks; i++) this.#push(readBlock(this.#image, run.start + i));
    return blocks;
  }

  finish(): Buffer {
    const total = sparseBlocks(this.#image);
    if (this.#end < total) this.#add(chunkHeader(sparseChunk.skip, total - this.#end, 0), total - this.#end);
    const header = Buffer.alloc(SPARSE_HEADER_BYTES);
    header.writeUInt32LE(SPARSE_MAGIC, 0);
    header.writeUInt16LE(1, 4); // version 1.0
    header.writeUInt16LE(SPARSE_HEADER_BYTES, 8);
    header.writeUInt16LE(SPARSE_CHUNK_HEADER_BYTES, 10);
    header.writeUInt32LE(SPARSE_BLOCK_BYTES, 12);
    header.writeUInt32LE(total, 16);
    header.writeUInt32LE(this.#chunks, 20);
    return Buffer.concat([header, ...this.#parts]);
  }

  #push(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  #add(bytes: Buffer, blocks: number): void {
    this.#push(bytes);
    this.#chunks += 1;
    this.#end += blocks;
  }
}

/** Smallest limit with which an image can be sent: one raw block with its headers. */
export const SPARSE_MINIMUM_BYTES = SPARSE_HEADER_BYTES + 3 * SPARSE_CHUNK_HEADER_BYTES + SPARSE_BLOCK_BYTES;

/** The image as sparse images of at most `limit` bytes each; written one after the other they give the whole. */
export function* sparsePieces(image: BlockSource, limit: number): Generator<Buffer> {
  let piece = new Piece(image, limit, 0);
  for (const run of runs(image)) {
    for (let left = run; left.blocks > 0; ) {
      const taken = piece.take(left);
      left = { ...left, start: left.start + taken, blocks: left.blocks - taken };
      if (left.blocks === 0) break;
      yield piece.finish();
      piece = new Piece(image, limit, left.start);
    }
  }
  yield piece.finish();
}
