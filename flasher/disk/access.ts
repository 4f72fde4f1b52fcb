/** A disk that is written or read: what fails becomes a typed error that names it and the offset. */
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

export type AccessOptions = { readonly open?: OpenDisk; readonly signal?: AbortSignal };

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

/** One disk: each step throws what went wrong, with the offset. */
export class Access {
  readonly #target: DiskTarget;
  readonly #options: AccessOptions;

  constructor(target: DiskTarget, options: AccessOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Opened for writing, a file is empty: nothing starts from what it held. */
  get isFile(): boolean {
    return this.#target.kind === 'file';
  }

  /** A fresh handle each time: closing the last one makes the kernel forget what it cached of a disk. */
  async use(mode: OpenMode, work: (disk: DiskHandle) => Promise<void>): Promise<void> {
    const disk = await this.#attempt('open', 0, () => this.#open(mode));
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

  /** Fills `into`; less than that only at the end of the disk. */
  async read(disk: DiskHandle, into: Buffer, offset: number): Promise<Buffer> {
    this.#checkSignal(`reading byte ${offset} back`);
    let got = 0;
    while (got < into.length) {
      const here = offset + got;
      const count = await this.#attempt('reading', here, () => disk.read(into.subarray(got), here));
      if (count === 0) break;
      got += count;
    }
    return into.subarray(0, got);
  }

  /** @throws FlashVerifyError at the first difference */
  compare(read: Buffer, wrote: Buffer, offset: number): void {
    if (read.equals(wrote)) return;
    const at = wrote.findIndex((byte, i) => byte !== read[i]);
    throw new FlashVerifyError(this.#target.path, offset + at, wrote[at]!, read[at], VERIFY_HINT);
  }

  sync(disk: DiskHandle, offset: number): Promise<void> {
    return this.#attempt('flushing', offset, () => disk.sync());
  }

  async #attempt<T>(action: string, offset: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof FlashError) throw cause;
      if (action === 'open') throw openError(this.#target.path, cause);
      const why = codeOf(cause) === 'EIO' ? await this.#absence() : undefined;
      throw diskError(this.#target.path, action, offset, why ?? cause);
    }
  }

  /** What is under way on a disk that is pulled fails as an input/output error; opened again, it is not there. */
  async #absence(): Promise<unknown> {
    try {
      await (await this.#open('read')).close();
      return undefined;
    } catch (cause) {
      return GONE.has(codeOf(cause)) ? cause : undefined;
    }
  }

  #open(mode: OpenMode): Promise<DiskHandle> {
    return (this.#options.open ?? openDisk)(this.#target, mode);
  }

  #checkSignal(during: string): void {
    if (this.#options.signal?.aborted) throw new CancelledError(this.#target.path, during);
  }
}

const noSpace = () => Object.assign(new Error('no space left on the device'), { code: 'ENOSPC' });
