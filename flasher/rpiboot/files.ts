/** Where the files come from that a board asks for: folders, usbboot's bootfiles.bin, and bytes in memory. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { ImageError } from '../image.ts';
import type { Chip } from './chips.ts';
import { readTar } from './tar.ts';

/** Contents of the named file; undefined when there is none. Names are the board's own words: never trusted. */
export type FileSource = {
  readonly describe: string;
  read(name: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
};

/** A name that would lead out of the folder, or is no name at all. */
export const isUnsafeName = (name: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a board may send anything
  name.split('/').includes('..') || name.includes('\\') || /[\x00-\x1f]/.test(name);

/**
 * What a board asks for that is about to write its boot EEPROM: in usbboot's recovery folders, what bears the name of a second stage
 * is that tool.
 */
export const isForEeprom = (name: string): boolean => /(^|\/)(pieeprom|vl805)\./i.test(name);

const relative = (name: string) => name.replace(/^\/+/, '');

export const memorySource = (describe: string, files: Readonly<Record<string, Uint8Array>>): FileSource => ({
  describe,
  read: (name) => (Object.hasOwn(files, relative(name)) ? files[relative(name)] : undefined),
});

/** Where the named file lies below a folder; a link that leads out of it is not followed. */
export const fileIn = (folder: string): ((name: string) => string | undefined) => {
  const root = realpathSync(folder);
  const below = root.endsWith(sep) ? root : root + sep; // that of a disk, / or E:\, does
  return (name) => {
    if (isUnsafeName(name)) return undefined;
    const path = join(root, relative(name));
    if (!existsSync(path)) return undefined;
    const real = realpathSync(path);
    return real.startsWith(below) && statSync(real).isFile() ? real : undefined;
  };
};

/** @throws ImageError when it is no folder */
export const folderSource = (folder: string): FileSource => {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new ImageError(folder, 'is not a folder');
  const find = fileIn(folder);
  return {
    describe: folder,
    read: (name) => {
      const path = find(name);
      return path === undefined ? undefined : readFileSync(path);
    },
  };
};

/** Members of a bootfiles.bin; names are compared without case, as usbboot does. @throws ImageError */
export const tarSource = (path: string, bytes: Uint8Array): FileSource => {
  const files = new Map([...readTar(path, bytes)].map(([name, data]) => [name.toLowerCase(), data]));
  return { describe: path, read: (name) => files.get(relative(name).toLowerCase()) };
};

/** A user's folder of Raspberry Pi firmware, with the bootfiles.bin that newer releases of usbboot pack it in. */
export const firmwareSource = (folder: string): FileSource => {
  const packed = join(folder, 'bootfiles.bin');
  const plain = folderSource(folder);
  return existsSync(packed) ? layered([plain, tarSource(packed, readFileSync(packed))]) : plain;
};

/** The first source that has a file wins. */
export const layered = (sources: readonly FileSource[]): FileSource => ({
  describe: sources.map((source) => source.describe).join(', then '),
  read: async (name) => {
    for (const source of sources) {
      const bytes = await source.read(name);
      if (bytes) return bytes;
    }
    return undefined;
  },
});

/**
 * Keeps what was read last: a board asks how long a file is, and then for the file. What it is sent has the length that it
 * was told, whatever happens to the file meanwhile.
 */
export const remembering = (source: FileSource): FileSource => {
  let last: { readonly name: string; readonly bytes: Uint8Array | undefined } | undefined;
  return {
    describe: source.describe,
    read: async (name) => {
      if (last?.name !== name) last = { name, bytes: await source.read(name) };
      return last.bytes;
    },
  };
};

/** The chip's own folder first, as usbboot does. */
export const forChip = (source: FileSource, { folder }: Chip): FileSource =>
  folder === undefined
    ? source
    : {
        describe: source.describe,
        read: async (name) => (await source.read(`${folder}/${relative(name)}`)) ?? source.read(name),
      };
