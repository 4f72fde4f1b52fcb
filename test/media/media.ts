/** Media for the tests: made from the kernel of this checkout, in a folder that goes away afterwards. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { buildFor } from '../../cli/virtual.ts';
import { paths } from '../../firmware/index.ts';
import { noFirmware, type Parts, type SparseImage, writeImage } from '../../firmware/media/index.ts';

/** A folder that is removed when the tests of this file are over. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-media-'));
  test.after.always(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const made = new Map<string, Promise<Parts>>();

/** What a board's media are made of; Raspberry Pi firmware is left out. */
export const partsFor = (name: string): Promise<Parts> => {
  const parts = made.get(name) ?? makeParts(name);
  made.set(name, parts);
  return parts;
};

const makeParts = async (name: string): Promise<Parts> => {
  const { manifest, dtb } = await buildFor(boardNamed(name), () => {});
  return {
    image: readFileSync(paths.image),
    manifest,
    ...(dtb ? { tree: readFileSync(dtb) } : {}),
    firmware: noFirmware,
  };
};

/** Writes an image into the folder and returns its path. */
export const stored = async (folder: string, name: string, image: SparseImage): Promise<string> => {
  const path = join(folder, name);
  await writeImage(path, image);
  return path;
};
