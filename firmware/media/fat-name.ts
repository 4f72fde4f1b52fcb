/** File names of a FAT volume: 8.3 aliases and the entries of long names (Microsoft FAT specification 1.03, "Long Directory Entries"). */
import { MediaError } from './error.ts';

export const ENTRY_BYTES = 32;
const LONG_ATTRIBUTE = 0x0f;
const LAST_LONG_ENTRY = 0x40;
const CHARS_PER_ENTRY = 13;
/** Where an entry keeps its 13 UTF-16 units. */
const CHAR_OFFSETS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

const SHORT = /^[A-Z0-9$%'\-_@~`!(){}^#&]{1,8}(\.[A-Z0-9$%'\-_@~`!(){}^#&]{1,3})?$/;
const NOT_IN_SHORT = /[^A-Z0-9$%'\-_@~`!(){}^#&]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what FAT forbids
const FORBIDDEN = /[\x00-\x1f"*/:<>?\\|]|[ .]$/;

/** @throws MediaError for a name that FAT cannot hold. */
export const checkName = (name: string): void => {
  if (name.length > 0 && name.length <= 255 && !FORBIDDEN.test(name)) return;
  throw new MediaError(`${JSON.stringify(name)} cannot be a file name on a FAT volume`, 'rename the file');
};

const padded = (base: string, extension: string) => `${base.padEnd(8)}${extension.padEnd(3)}`;

const split = (name: string): [string, string] => {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
};

const numbered = (name: string, taken: ReadonlySet<string>): string => {
  const [base, extension] = split(name.toUpperCase());
  const clean = base.replaceAll('.', '').replace(NOT_IN_SHORT, '_');
  for (let n = 1; n < 1e6; n++) {
    const tail = `~${n}`;
    const alias = padded(
      clean.slice(0, 8 - tail.length) + tail,
      extension.replace(NOT_IN_SHORT, '_').slice(0, 3),
    );
    if (!taken.has(alias)) return alias;
  }
  throw new MediaError(`too many files are named like ${name}`);
};

/** The 11-byte alias of a name, different from every alias in `taken`. */
export const shortName = (name: string, taken: ReadonlySet<string>): string => {
  const upper = name.toUpperCase();
  if (!SHORT.test(upper)) return numbered(name, taken);
  const plain = padded(...split(upper));
  return taken.has(plain) ? numbered(name, taken) : plain;
};

/** Ties the long entries to the alias that follows them. */
export const aliasChecksum = (alias: string): number => {
  let sum = 0;
  for (let i = 0; i < alias.length; i++) sum = (((sum & 1) << 7) + (sum >> 1) + alias.charCodeAt(i)) & 0xff;
  return sum;
};

const longEntry = (name: string, index: number, count: number, checksum: number): Buffer => {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry[0] = (index + 1) | (index + 1 === count ? LAST_LONG_ENTRY : 0);
  entry[11] = LONG_ATTRIBUTE;
  entry[13] = checksum;
  for (const [i, offset] of CHAR_OFFSETS.entries()) {
    const at = index * CHARS_PER_ENTRY + i;
    const unit = at < name.length ? name.charCodeAt(at) : at === name.length ? 0 : 0xffff;
    entry.writeUInt16LE(unit, offset);
  }
  return entry;
};

/** The entries that stand before the one with the alias; none when the alias says it all. */
export const longEntries = (name: string, alias: string): Buffer[] => {
  if (SHORT.test(name) && padded(...split(name)) === alias) return [];
  const count = Math.ceil(name.length / CHARS_PER_ENTRY);
  const checksum = aliasChecksum(alias);
  return Array.from({ length: count }, (_, i) => longEntry(name, count - 1 - i, count, checksum));
};
