/** Opening, reading and writing a disk or file: the system's own, or one that fails on demand in a test. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
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

export const openDisk: OpenDisk = async (target, mode) => {
  const file = await open(target.path, flagsFor(target, mode), 0o644);
  return {
    write: async (data, offset) => (await file.write(data, 0, data.length, offset)).bytesWritten,
    read: async (into, offset) => (await file.read(into, 0, into.length, offset)).bytesRead,
    sync: () => file.sync(),
    close: () => file.close(),
  };
};
