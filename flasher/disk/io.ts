/** Opening, reading and writing a disk or file: the system's own, or one that fails on demand in a test. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isAligned } from './aligned.ts';
import type { DiskTarget } from './target.ts';

export interface DiskHandle {
  /** Bytes written; less than given only when the medium is full. */
  write(data: Uint8Array, offset: number): Promise<number>;
  /** Bytes read; 0 at the end. */
  read(into: Uint8Array, offset: number): Promise<number>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `create` also makes a file, and drops what it held. */
export type OpenMode = 'create' | 'write' | 'read';
export type OpenDisk = (target: DiskTarget, mode: OpenMode) => Promise<DiskHandle>;

/** O_EXCL on a block device claims it: the kernel then refuses while it, or a part of it, is mounted or claimed. */
const flagsFor = ({ kind }: DiskTarget, mode: OpenMode) => {
  const access = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR;
  if (kind === 'disk') return access | constants.O_EXCL;
  return mode === 'create' ? access | constants.O_CREAT | constants.O_TRUNC : access;
};

/**
 * A second handle on the same disk, past the system's cache: writes then take the medium's time and reads come from it.
 * Some file systems have no such thing (open(2): EINVAL).
 */
const openDirect = async ({ path }: DiskTarget, mode: OpenMode): Promise<FileHandle | undefined> => {
  if (constants.O_DIRECT === undefined) return undefined;
  const access = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR;
  return open(path, access | constants.O_DIRECT).catch(() => undefined);
};

type Move = (file: FileHandle) => Promise<number>;

export const openDisk: OpenDisk = async (target, mode) => {
  const file = await open(target.path, flagsFor(target, mode), 0o644);
  const direct = await openDirect(target, mode);
  let usesDirect = direct !== undefined;
  /** What lies at pages goes directly; EINVAL is a driver that wants more than pages, and is not asked again. */
  const move = async (data: Uint8Array, offset: number, work: Move): Promise<number> => {
    if (!usesDirect || !isAligned(data, offset)) return work(file);
    try {
      return await work(direct!);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      usesDirect = false;
      return work(file);
    }
  };
  return {
    write: (data, offset) =>
      move(data, offset, async (to) => (await to.write(data, 0, data.length, offset)).bytesWritten),
    read: (into, offset) =>
      move(into, offset, async (from) => (await from.read(into, 0, into.length, offset)).bytesRead),
    sync: () => file.sync(),
    close: async () => {
      await direct?.close();
      await file.close();
    },
  };
};
