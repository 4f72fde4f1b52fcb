/** Ring buffers: records as they lie in the buffer and go over the line, one behind the other. */

import { CodecError } from './codec.ts';
import { mapLimits } from './patch.ts';

/** The header of a record, a u32 each; its bytes follow, padded to a multiple of 8. */
export const ringRecord = {
  size: 'bytes that follow, without padding',
  lost: 'records that did not fit since the one before',
} as const;

const HEADER_BYTES = 8;
const ALIGNMENT = 8;

export type RingRecord = {
  readonly data: Uint8Array;
  /** How many did not fit between the one before and this one. */
  readonly lost: number;
  /** Bytes that it takes in the buffer. */
  readonly bytes: number;
};

/** Puts records together from pieces that end anywhere. */
export class RecordReader {
  #rest: Uint8Array<ArrayBufferLike> = new Uint8Array();

  /** Records that are whole with this piece. @throws CodecError for one that no ring buffer has room for */
  push(piece: Uint8Array): readonly RingRecord[] {
    const all = new Uint8Array(this.#rest.length + piece.length);
    all.set(this.#rest);
    all.set(piece, this.#rest.length);
    const view = new DataView(all.buffer);
    const records: RingRecord[] = [];
    let at = 0;
    while (all.length - at >= HEADER_BYTES) {
      const size = view.getUint32(at, true);
      if (size > mapLimits.bytes_max) throw new CodecError('record', `claims ${size} bytes`);
      const start = at + HEADER_BYTES;
      const end = start + Math.ceil(size / ALIGNMENT) * ALIGNMENT;
      if (end > all.length) break;
      const data = all.slice(start, start + size);
      records.push({ data, lost: view.getUint32(at + 4, true), bytes: end - at });
      at = end;
    }
    this.#rest = all.slice(at);
    return records;
  }
}
