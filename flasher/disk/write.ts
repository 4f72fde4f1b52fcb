/**
 * Writes an image to a disk or file, in an order that leaves nothing half-written that looks whole: the first block is
 * cleared, the rest is written and read back, and only then the first block is written and read back too.
 */
import type { BlockSource } from '../blocks.ts';
import {
  BusyError,
  CancelledError,
  DiskError,
  FlashError,
  FlashVerifyError,
  PermissionError,
} from '../errors.ts';
import { type DiskHandle, type OpenDisk, type OpenMode, openDisk } from './io.ts';
import type { DiskTarget } from './target.ts';

export type DiskEvent = { event: 'write' | 'verify'; done: number; total: number };

export type DiskWriteOptions = {
  readonly open?: OpenDisk;
  readonly onEvent?: (event: DiskEvent) => void;
  readonly signal?: AbortSignal;
};

/** Holds the partition table: a disk without it is empty to every loader. */
const FIRST_BYTES = 4096;
const CHUNK_BYTES = 4 * 1024 * 1024;

const VERIFY_HINT =
  'the card or reader is failing, or the card is smaller than it says: try another one, then `--verify-only`';

const GONE = new Set(['ENODEV', 'ENXIO', 'ENOMEDIUM', 'ENOENT']);
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';

const openError = (path: string, cause: unknown): FlashError => {
  const code = codeOf(cause);
  const sudo = 'run it as root (sudo), or add yourself to the group disk';
  if (code === 'EACCES' || code === 'EPERM') return new PermissionError(path, { hint: sudo, cause });
  if (code === 'EBUSY') {
    return new BusyError(path, 'something else: it, or a part of it, is mounted or claimed', {
      hint: `unmount it: lsblk ${path}`,
      cause,
    });
  }
  return diskError(path, 'opening', 0, cause);
};

const diskError = (path: string, action: string, offset: number, cause: unknown): FlashError => {
  const code = codeOf(cause);
  if (GONE.has(code)) return new DiskError('unplugged', path, action, offset, cause as Error);
  return new DiskError(code === 'ENOSPC' ? 'disk_full' : 'disk_error', path, action, offset, cause as Error);
};

type Range = { readonly offset: number; readonly length: number };

class Access {
  readonly #target: DiskTarget;
  readonly #options: DiskWriteOptions;

  constructor(target: DiskTarget, options: DiskWriteOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** A fresh handle each time: closing the last one makes the kernel forget what it cached of a disk. */
  async use(mode: OpenMode, work: (disk: DiskHandle) => Promise<void>): Promise<void> {
    const disk = await this.#attempt('open', 0, () => (this.#options.open ?? openDisk)(this.#target, mode));
    try {
      await work(disk);
    } finally {
      await disk.close().catch(() => {}); // what matters was synced
    }
  }

  async write(disk: DiskHandle, data: Uint8Array, offset: number): Promise<void> {
    this.#checkSignal(`writing byte ${offset}`);
    for (let at = 0; at < data.length; ) {
      const here = offset + at;
      const count = await this.#attempt('writing', here, () => disk.write(data.subarray(at), here));
      if (count === 0) throw diskError(this.#target.path, 'writing', here, noSpace());
      at += count;
    }
  }

  /** The disk is read while the image is: one in the thread pool, the other here. */
  async compare(disk: DiskHandle, image: BlockSource, { offset, length }: Range): Promise<void> {
    this.#checkSignal(`reading byte ${offset} back`);
    const reading = this.#read(disk, offset, length);
    reading.catch(() => {}); // thrown below, unless the image cannot be read
    const wrote = image.read(offset, length);
    const read = await reading;
    if (read.equals(wrote)) return;
    const at = wrote.findIndex((byte, i) => byte !== read[i]);
    throw new FlashVerifyError(this.#target.path, offset + at, wrote[at]!, read[at], VERIFY_HINT);
  }

  /** Less than asked for only at the end of the disk. */
  async #read(disk: DiskHandle, offset: number, length: number): Promise<Buffer> {
    const read = Buffer.allocUnsafe(length);
    let got = 0;
    while (got < length) {
      const here = offset + got;
      const rest = read.subarray(got);
      const count = await this.#attempt('reading', here, () => disk.read(rest, here));
      if (count === 0) break;
      got += count;
    }
    return read.subarray(0, got);
  }

  sync(disk: DiskHandle, offset: number): Promise<void> {
    return this.#attempt('flushing', offset, () => disk.sync());
  }

  async #attempt<T>(action: string, offset: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof FlashError) throw cause;
      throw action === 'open'
        ? openError(this.#target.path, cause)
        : diskError(this.#target.path, action, offset, cause);
    }
  }

  #checkSignal(during: string): void {
    if (this.#options.signal?.aborted) throw new CancelledError(this.#target.path, during);
  }
}

const noSpace = () => Object.assign(new Error('no space left on the device'), { code: 'ENOSPC' });

const pieces = function* (from: number, to: number): Generator<Range> {
  for (let offset = from; offset < to; offset += CHUNK_BYTES) {
    yield { offset, length: Math.min(CHUNK_BYTES, to - offset) };
  }
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

const verifyRange = (
  access: Access,
  image: BlockSource,
  from: number,
  to: number,
  options: DiskWriteOptions,
) =>
  access.use('read', async (disk) => {
    for (const range of pieces(from, to)) {
      await access.compare(disk, image, range);
      const done = range.offset + range.length;
      if (done < image.bytes) options.onEvent?.({ event: 'verify', done, total: image.bytes }); // the end is told once
    }
  });

const writeBody = (access: Access, image: BlockSource, first: number, options: DiskWriteOptions) =>
  access.use('create', async (disk) => {
    await access.write(disk, new Uint8Array(first), 0);
    await access.sync(disk, 0); // from here on the old content is gone for every loader
    let writing = Promise.resolve();
    for (const { offset, length } of pieces(first, image.bytes)) {
      const data = image.read(offset, length); // while the piece before is written
      await writing;
      options.onEvent?.({ event: 'write', done: offset, total: image.bytes });
      writing = access.write(disk, data, offset);
    }
    await writing;
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
    await access.write(disk, image.read(0, first), 0);
    await access.sync(disk, 0);
  });
  await verifyRange(access, image, 0, first, options);
  options.onEvent?.({ event: 'verify', done: image.bytes, total: image.bytes });
};
