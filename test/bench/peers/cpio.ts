/** Archives in cpio's "newc" format, as Linux takes its first file system (Documentation/driver-api/early-userspace/buffer-format.rst). */

export type CpioEntry =
  | { readonly path: string; readonly data: Uint8Array; readonly executable?: boolean }
  | { readonly path: string; readonly folder: true }
  | { readonly path: string; readonly device: readonly [major: number, minor: number] };

const MODE = { file: 0o100644, executable: 0o100755, folder: 0o040755, device: 0o020600 } as const;
const TRAILER = 'TRAILER!!!';

const modeOf = (entry: CpioEntry): number => {
  if ('folder' in entry) return MODE.folder;
  if ('device' in entry) return MODE.device;
  return entry.executable ? MODE.executable : MODE.file;
};

const padded = (bytes: Uint8Array): Uint8Array => {
  const result = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  result.set(bytes);
  return result;
};

const record = (path: string, inode: number, mode: number, data: Uint8Array, device: readonly number[]) => {
  const name = `${path}\0`;
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, device[0] ?? 0, device[1] ?? 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.from(header + name, 'latin1')), padded(data)];
};

/** The archive of these entries; folders must stand before what lies in them. */
export const cpio = (entries: readonly CpioEntry[]): Uint8Array => {
  const parts = entries.flatMap((entry, i) =>
    record(
      entry.path,
      i + 1,
      modeOf(entry),
      'data' in entry ? entry.data : new Uint8Array(),
      'device' in entry ? entry.device : [],
    ),
  );
  return Buffer.concat([...parts, ...record(TRAILER, 0, 0, new Uint8Array(), [])]);
};
