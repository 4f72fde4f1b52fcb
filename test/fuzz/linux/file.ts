/** The file that the first process reads (init.c): types, maps and programs, each part from a multiple of 8 bytes on. */

export type MapRecord = {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  readonly flags: number;
  /** 1 + the map before it that it holds maps like, or 0. */
  readonly inner: number;
  /** 1 + the types of its value, or 0. */
  readonly btf: number;
  readonly keyType: number;
  readonly valueType: number;
  /** Of its only value, which nobody writes; empty when that is not known. */
  readonly contents: Uint8Array;
};

export type ProgramRecord = {
  readonly type: number;
  readonly attach: number;
  readonly flags: number;
  /** What it attaches to, by its number in the kernel's types, or 0. */
  readonly attachType: number;
  readonly maps: readonly number[];
  readonly functions: readonly { readonly slot: number; readonly type: number }[];
  readonly btf: number;
  readonly code: Uint8Array;
};

export type VerdictFile = {
  readonly btfs: readonly Uint8Array[];
  readonly maps: readonly MapRecord[];
  readonly programs: readonly ProgramRecord[];
};

/** As MAX_OBJECTS and FILE_BYTES in init.c. */
export const MOST_OBJECTS = 8192;
const MOST_BYTES = 1 << 26;

const padded = (bytes: Uint8Array): Uint8Array => {
  const result = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  result.set(bytes);
  return result;
};
const words = (...values: readonly number[]) => padded(new Uint8Array(Uint32Array.from(values).buffer));

const mapParts = (m: MapRecord) => [
  words(
    ...[m.type, m.keySize, m.valueSize, m.entries, m.flags, m.inner, m.btf, m.keyType, m.valueType],
    m.contents.length,
  ),
  padded(m.contents),
];

const programParts = (p: ProgramRecord) => [
  words(
    ...[p.type, p.attach, p.flags, p.attachType, p.code.length / 8],
    ...[p.maps.length, p.functions.length, p.btf],
  ),
  words(...p.maps),
  words(...p.functions.flatMap(({ slot, type }) => [slot, type])),
  p.code,
];

/** @throws RangeError for more than the first process has room for */
export const verdictFile = ({ btfs, maps, programs }: VerdictFile): Uint8Array => {
  const file = Buffer.concat([
    words(btfs.length, maps.length, programs.length),
    ...btfs.flatMap((btf) => [words(btf.length), padded(btf)]),
    ...maps.flatMap(mapParts),
    ...programs.flatMap(programParts),
  ]);
  if (btfs.length > MOST_OBJECTS || maps.length > MOST_OBJECTS || file.length > MOST_BYTES)
    throw new RangeError(
      `${btfs.length} types, ${maps.length} maps, ${file.length} bytes of programs at once`,
    );
  return file;
};
