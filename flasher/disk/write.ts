/**
 * Writes an image to a disk or file, in an order that leaves nothing half-written that looks whole: the first block is
 * cleared, the rest is written and read back, and only then the first block is written and read back too.
 */
import type { BlockSource } from '../blocks.ts';
import { Access } from './access.ts';
import { ALIGNMENT_BYTES, alignedBuffers } from './aligned.ts';
import type { OpenDisk } from './io.ts';
import type { DiskTarget } from './target.ts';

export type DiskEvent = { event: 'write' | 'verify'; done: number; total: number };

export type DiskWriteOptions = {
  readonly open?: OpenDisk;
  readonly onEvent?: (event: DiskEvent) => void;
  readonly signal?: AbortSignal;
};

/** Holds the partition table: a disk without it is empty to every loader. */
const FIRST_BYTES = ALIGNMENT_BYTES;
const CHUNK_BYTES = 4 * 1024 * 1024;

type Range = { readonly offset: number; readonly length: number };

/** Pieces that lie at multiples of their size, and what is left behind the last whole page in one of its own. */
const pieces = function* (from: number, to: number): Generator<Range> {
  const even = Math.max(from, to - (to % ALIGNMENT_BYTES));
  for (let offset = from; offset < even; ) {
    const end = Math.min(even, offset - (offset % CHUNK_BYTES) + CHUNK_BYTES);
    yield { offset, length: end - offset };
    offset = end;
  }
  if (even < to) yield { offset: even, length: to - even };
};

/** Reads everything back and compares it. @throws FlashVerifyError at the first difference, DiskError */
export const verifyDisk = async (
  target: DiskTarget,
  image: BlockSource,
  options: DiskWriteOptions = {},
): Promise<void> => {
  await verifyRange(new Access(target, options), image, 0, image.bytes, options);
  options.onEvent?.({ event: 'verify', done: image.bytes, total: image.bytes });
};

/** Pieces under way at once: a disk that has to wait for the next one stands still. */
const LANES = 4;

/** Work on the pieces, several at once, each in memory of its own; `finish` has them in their order. */
const inOrder = async <T>(
  ranges: Generator<Range>,
  start: (range: Range, memory: Buffer) => Promise<T>,
  finish: (range: Range, underWay: Promise<T>) => Promise<void>,
): Promise<void> => {
  const lanes = alignedBuffers(LANES, CHUNK_BYTES);
  const waiting: { range: Range; underWay: Promise<T> }[] = [];
  const next = () => waiting.shift()!;
  let started = 0;
  for (const range of ranges) {
    if (waiting.length === LANES) {
      const { range: first, underWay } = next();
      await finish(first, underWay);
    }
    const underWay = start(range, lanes[started++ % LANES]!.subarray(0, range.length));
    underWay.catch(() => {}); // thrown in its turn, unless one before it fails
    waiting.push({ range, underWay });
  }
  while (waiting.length > 0) {
    const { range, underWay } = next();
    await finish(range, underWay);
  }
};

/** The disk reads on while a piece is read from the image and compared. */
const verifyRange = (
  access: Access,
  image: BlockSource,
  from: number,
  to: number,
  options: DiskWriteOptions,
) =>
  access.use('read', (disk) => {
    const wrote = Buffer.allocUnsafe(CHUNK_BYTES);
    return inOrder(
      pieces(from, to),
      ({ offset }, memory) => access.read(disk, memory, offset),
      async ({ offset, length }, reading) => {
        const part = wrote.subarray(0, length);
        image.fill(part, offset);
        access.compare(await reading, part, offset);
        const done = offset + length;
        if (done < image.bytes) options.onEvent?.({ event: 'verify', done, total: image.bytes }); // the end is told once
      },
    );
  });

const writeBody = (access: Access, image: BlockSource, first: number, options: DiskWriteOptions) =>
  access.use('create', async (disk) => {
    await access.write(disk, alignedBuffers(1, first)[0]!, 0);
    if (!access.isFile) await access.sync(disk, 0); // from here on the old content is gone for every loader
    await inOrder(
      pieces(first, image.bytes),
      ({ offset }, memory) => {
        image.fill(memory, offset); // while pieces before are written
        return access.write(disk, memory, offset);
      },
      async ({ offset, length }, writing) => {
        await writing;
        options.onEvent?.({ event: 'write', done: offset + length, total: image.bytes });
      },
    );
    options.onEvent?.({ event: 'write', done: image.bytes, total: image.bytes });
    await access.sync(disk, image.bytes);
  });

/** @throws DiskError with the offset, FlashVerifyError, BusyError, PermissionError, CancelledError */
export const writeDisk = async (
  target: DiskTarget,
  image: BlockSource,
  options: DiskWriteOptions = {},
): Promise<void> => {
  const access = new Access(target, options);
  const first = Math.min(FIRST_BYTES, image.bytes);
  await writeBody(access, image, first, options);
  await verifyRange(access, image, first, image.bytes, options);
  await access.use('write', async (disk) => {
    const memory = alignedBuffers(1, first)[0]!;
    image.fill(memory, 0);
    await access.write(disk, memory, 0);
    await access.sync(disk, 0);
  });
  await verifyRange(access, image, 0, first, options);
  options.onEvent?.({ event: 'verify', done: image.bytes, total: image.bytes });
};
