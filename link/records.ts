/** What modules wrote into a ring buffer, taken record by record. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CodecError, RecordReader, type RingRecord } from '../abi/index.ts';
import { BadReplyError } from './errors.ts';

/** The messages that it takes to read a ring buffer: its keys are positions. */
export type RingSource = {
  mapNext(map: string, key: Uint8Array): Promise<{ readonly key: Uint8Array }>;
  mapRead(map: string, key: Uint8Array): Promise<{ readonly value: Uint8Array }>;
  mapWrite(map: string, key: Uint8Array, value: Uint8Array): Promise<unknown>;
};

export type FollowOptions = {
  /** Go on when nothing waits, asking again after `intervalMs` (default 100). */
  readonly follow?: boolean;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
};

const NOTHING = new Uint8Array();

const keyOf = (position: bigint): Uint8Array => {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, position, true);
  return key;
};

const positionOf = (key: Uint8Array): bigint =>
  new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(0, true);

const recordsIn = (reader: RecordReader, piece: Uint8Array, map: string) => {
  try {
    return reader.push(piece);
  } catch (cause) {
    if (cause instanceof CodecError) throw new BadReplyError(`the ring buffer ${map}`, 'records', { cause });
    throw cause;
  }
};

/**
 * Records in their order. The board gives one up once the next one is asked for: where the caller breaks off, or the line does,
 * the record that was not done with comes again for whoever asks then.
 * @throws RefusedError `no_entry` when there is no such map, or somebody else took records meanwhile; BadReplyError
 */
export async function* takeRecords(
  board: RingSource,
  map: string,
  { follow = false, intervalMs = 100, signal }: FollowOptions = {},
): AsyncGenerator<RingRecord> {
  const reader = new RecordReader();
  let read = positionOf((await board.mapNext(map, NOTHING)).key);
  let done = read;
  let taken = read;
  const take = async () => {
    if (done === taken) return;
    await board.mapWrite(map, keyOf(done), NOTHING);
    taken = done;
  };
  while (!signal?.aborted) {
    const { value } = await board.mapRead(map, keyOf(read));
    read += BigInt(value.length);
    for (const record of recordsIn(reader, value, map)) {
      let goesOn = false;
      try {
        yield record;
        goesOn = true;
      } finally {
        if (!goesOn) await take();
      }
      done += BigInt(record.bytes);
    }
    await take();
    if (value.length > 0) continue;
    if (!follow) return;
    await sleep(intervalMs, undefined, { ref: true });
  }
}
