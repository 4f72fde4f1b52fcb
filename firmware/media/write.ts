/** Puts media into files and folders. A result appears whole or not at all, and is read back before it is called done. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../folder.ts';
import { writeChanged, writeWhole } from '../write.ts';
import { MediaError } from './error.ts';
import type { MediaFile } from './file.ts';
import { hashOf, type SparseImage } from './sparse.ts';

/** What was written reads back differently. */
export class MediaVerifyError extends Error {
  readonly code = 'verify_failed';
  constructor(path: string) {
    super(`${path} does not read back as it was written; check the disk and try again`);
    this.name = 'MediaVerifyError';
  }
}

const writeAll = (file: number, bytes: Uint8Array, offset: number) => {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, offset + at);
};

const writeSparse = (path: string, image: SparseImage) => {
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, image.bytes); // what is not written stays a hole
    for (const { offset, bytes } of image.extents) writeAll(file, bytes, offset);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

const hashOfFile = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
};

/** Only a file may be replaced: a folder or a disk at that path was surely not meant. */
const checkTarget = (path: string) => {
  if (existsSync(path) && !statSync(path).isFile()) {
    throw new MediaError(
      `${path} is not a plain file`,
      'name a file; to write it to a disk, copy it there with a tool for disks',
    );
  }
};

/** Writes an image file, reads it back, and returns its SHA-256. @throws MediaError, MediaVerifyError, WriteError */
export const writeImage = async (path: string, image: SparseImage): Promise<string> => {
  checkTarget(path);
  makeFolder(dirname(path));
  return writeWhole(path, async (partial) => {
    writeSparse(partial, image);
    const hash = hashOf(image);
    if ((await hashOfFile(partial)) !== hash) throw new MediaVerifyError(path);
    return hash;
  });
};

const MARK = 'velocity.json';

/** A folder that is empty, not there yet, or was written by us; anything else could be somebody's. */
const checkFolder = (folder: string) => {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new MediaError(`${folder} is not a folder`, 'name a folder');
  const found = readdirSync(folder);
  if (found.length === 0 || found.includes(MARK)) return;
  throw new MediaError(
    `${folder} has other files and was not written by velocity`,
    'name an empty folder, and copy what is in it to where it belongs',
  );
};

/** So that a folder that was cut short is known as ours, too, and may be written again. */
const markFirst = (files: readonly MediaFile[]) => [
  ...files.filter(({ path }) => path === MARK),
  ...files.filter(({ path }) => path !== MARK),
];

/** Writes the files below a folder and reads them back. @throws MediaError, MediaVerifyError, WriteError */
export const writeFolder = (folder: string, files: readonly MediaFile[]): void => {
  checkFolder(folder);
  for (const { path, bytes } of markFirst(files)) writeChanged(join(folder, path), bytes);
  for (const { path, bytes } of files) {
    if (!readFileSync(join(folder, path)).equals(bytes)) throw new MediaVerifyError(join(folder, path));
  }
};
