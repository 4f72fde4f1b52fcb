/** Raspberry Pi firmware: files of a folder that the server was given, or that the person chose. Read when a board asks. */
import { type FileSource, isUnsafeName, layered, tarSource } from '../../../flasher/index.ts';
import { type Facts, FIRMWARE } from './served.ts';

const PACKED = 'bootfiles.bin';

const relative = (name: string) => name.replace(/^\/+/, '');

/** The files as they lie, and those in usbboot's archive among them. */
const withPacked = async (plain: FileSource): Promise<FileSource> => {
  const archive = await plain.read(PACKED);
  return archive ? layered([plain, tarSource(PACKED, archive)]) : plain;
};

export const servedFirmware = async (facts: Facts): Promise<FileSource | undefined> => {
  if (facts.firmware.length === 0) return undefined;
  const names = new Set(facts.firmware);
  return withPacked({
    describe: facts.firmwareFolder,
    read: async (name) => {
      if (!names.has(relative(name))) return undefined;
      const path = FIRMWARE + relative(name).split('/').map(encodeURIComponent).join('/');
      const response = await fetch(path);
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
    },
  });
};

/** The browser gives each file with the path below the folder's own name. */
export const chosenFirmware = (files: readonly File[]): Promise<FileSource> => {
  const below = (file: File) => file.webkitRelativePath.split('/').slice(1).join('/') || file.name;
  const byName = new Map(files.map((file) => [below(file), file]));
  return withPacked({
    describe: files[0]?.webkitRelativePath.split('/')[0] || 'the chosen folder',
    read: async (name) => {
      const file = isUnsafeName(name) ? undefined : byName.get(relative(name));
      return file && new Uint8Array(await file.arrayBuffer());
    },
  });
};
