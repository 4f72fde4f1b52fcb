/** Fills the staging buffer chunk by chunk. The board's answer says where to go on, so a broken upload resumes. */
import { CHUNK_BYTES, type messages, type RecordOf } from '../abi/index.ts';
import { BadReplyError, LinkTimeoutError, RefusedError } from './errors.ts';

type Chunk = RecordOf<(typeof messages)['stage']['request']>;
export type StageChunk = (chunk: Chunk) => Promise<{ off: number }>;

/** On a line that loses frames shorter messages get through more often. */
const SHORT_CHUNK_BYTES = 1024;
/** Answers without progress, or no answers, that are taken before giving up. */
const MAX_STALLS = 4;

/** Each says whose bytes it brings: another host may have begun an upload of its own meanwhile. */
const chunkAt = (bytes: Uint8Array, sha: Uint8Array, off: number, size: number): Chunk => {
  const data = bytes.subarray(off, off + size);
  return off === 0 ? { off, data, len: bytes.length, sha } : { off, data, sha };
};

/** The board lost its place, for example after a reset: begin again, it says where to go on. */
const lostPlace = (error: unknown, off: number) =>
  off > 0 && error instanceof RefusedError && ['bad_state', 'invalid_argument'].includes(error.status);

/**
 * @throws RefusedError, `upload_taken` when another host began an upload; LinkTimeoutError when the board makes no progress;
 * BadReplyError when it names no place to go on
 */
export const sendStaged = async (
  send: StageChunk,
  bytes: Uint8Array,
  sha: Uint8Array,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<void> => {
  let off = 0;
  let size = CHUNK_BYTES;
  let stalls = 0;
  do {
    let next: number;
    try {
      next = (await send(chunkAt(bytes, sha, off, size))).off;
    } catch (error) {
      if (!(error instanceof LinkTimeoutError || lostPlace(error, off)) || ++stalls > MAX_STALLS) throw error;
      size = SHORT_CHUNK_BYTES;
      off = 0; // asks where to go on
      continue;
    }
    if (!Number.isSafeInteger(next) || next < 0) throw new BadReplyError('staging', `the chunk at ${off}`);
    if (next <= off && next < bytes.length && ++stalls > MAX_STALLS) {
      throw new LinkTimeoutError('staging', `the chunk at ${off}`, 0);
    }
    off = Math.min(next, bytes.length);
    onProgress(off, bytes.length);
  } while (off < bytes.length);
};
