/** The maps that an object declares: BTF form (`.maps`, as libbpf reads it), legacy form (`maps`), and data sections. */
import { MAP_FLAG_READ_ONLY, mapLimits, mapTypes } from '../../abi/index.ts';
import { BTF_KIND, type Btf, type BtfMember, type BtfType } from './btf.ts';
import { Bytes } from './bytes.ts';
import { ElfError } from './error.ts';
import { type ElfObject, type ElfSymbol, type Section, STT } from './file.ts';
import { fieldsIn, type KernelField, kernelFieldsOf } from './kernel-fields.ts';

export type MapDefinition = {
  readonly name: string;
  /** Number of the type, see `mapTypes` in abi/patch.ts. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Maps of maps: the shape of what they hold, and, in a program, the index of its map. */
  readonly holds?: MapDefinition;
  readonly inner?: number;
  /** Linux: what in its values is the kernel's. */
  readonly fields?: readonly KernelField[];
  /** Contents of entry 0 at the start; zeros when absent. */
  readonly init?: Uint8Array;
  /** `init` is all that its value ever holds: nobody writes there. */
  readonly fixed?: boolean;
};

/** Longest name that the program hash and the board hold, without its NUL. */
export const MAX_MAP_NAME = 31;

const bad = (map: string, what: string) => new ElfError('bad_map_definition', `map ${map}: ${what}`);

/** The types of the `.maps` section. */
export type MapTypes = { readonly btf: Btf | undefined; readonly variables: ReadonlyMap<string, BtfType> };

export const mapTypesOf = (btf: Btf | undefined): MapTypes => ({
  btf,
  variables: btf?.variables('.maps') ?? new Map(),
});

/** Far above the few that mean something; keeps time bounded. */
const MAX_MEMBERS = 64;
const MAX_DECLARED = 1024;

type Fields = {
  type: number;
  key_size: number;
  value_size: number;
  max_entries: number;
  map_flags: number;
  holds?: MapDefinition;
  fields?: readonly KernelField[];
};

const pointee = (btf: Btf, map: string, member: BtfMember): { type: BtfType; id: number } => {
  const pointer = btf.resolve(member.type);
  if (pointer.kind !== BTF_KIND.ptr) throw bad(map, `${member.name} is not __uint() or __type()`);
  return { type: btf.resolve(pointer.value), id: pointer.value };
};

const uintOf = (btf: Btf, map: string, member: BtfMember): number => {
  const { type } = pointee(btf, map, member);
  if (type.kind !== BTF_KIND.array) throw bad(map, `${member.name} is not __uint()`);
  return btf.array(type).count;
};

/** `__array(values, struct inner)`: an array of pointers to what the map holds; of functions in arrays of programs. */
const readHeld = (btf: Btf, map: string, member: BtfMember, depth: number): MapDefinition | undefined => {
  const array = btf.resolve(member.type);
  if (array.kind !== BTF_KIND.array || depth > 0) return undefined;
  const pointer = btf.resolve(btf.array(array).element);
  if (pointer.kind !== BTF_KIND.ptr) return undefined;
  const held = btf.resolve(pointer.value);
  return held.kind === BTF_KIND.struct ? fromStruct(btf, `${map}.values`, held, true, depth + 1) : undefined;
};

const readMember = (
  btf: Btf,
  map: string,
  member: BtfMember,
  fields: Fields,
  linux: boolean,
  depth: number,
) => {
  switch (member.name) {
    case 'key':
    case 'value':
      fields[`${member.name}_size`] = btf.sizeOf(pointee(btf, map, member).id);
      if (linux && member.name === 'value') fields.fields = kernelFieldsOf(btf, pointee(btf, map, member).id);
      break;
    case 'type':
    case 'key_size':
    case 'value_size':
    case 'max_entries':
    case 'map_flags':
      fields[member.name] = uintOf(btf, map, member);
      break;
    case 'values': {
      const held = linux ? readHeld(btf, map, member, depth) : undefined;
      if (held) fields.holds = held;
      if (linux) break;
      throw bad(map, '`values` is not supported');
    }
    default:
      if (linux) break; // pinning, map_extra and what is to come say nothing about safety
      throw bad(map, `\`${member.name}\` is not supported`);
  }
};

const supported = new Map<number, string>(Object.entries(mapTypes).map(([name, type]) => [type, name]));

/** What a board refuses, without the reason, when the map is made. */
const checkLimits = (name: string, type: string, f: Fields) => {
  const { key_bytes_max, hash_value_bytes_max, bytes_max } = mapLimits;
  if ((f.map_flags & ~MAP_FLAG_READ_ONLY) !== 0)
    throw bad(name, `of its flags ${f.map_flags} a board knows BPF_F_RDONLY_PROG only`);
  if (type === 'hash' && (f.key_size > key_bytes_max || f.value_size > hash_value_bytes_max))
    throw bad(name, `the key of a hash has up to ${key_bytes_max} bytes, its value ${hash_value_bytes_max}`);
  if (f.value_size * f.max_entries > bytes_max) throw bad(name, `a map has up to ${bytes_max} bytes`);
};

/** Its keys are positions, which sources do not speak of. */
const defineRing = (name: string, f: Fields): MapDefinition => {
  if (f.key_size !== 0 || f.value_size !== 0 || f.map_flags !== 0)
    throw bad(name, 'a ring buffer has no key, no value and no flags');
  const bytes = f.max_entries;
  if (bytes === 0 || (bytes & (bytes - 1)) !== 0)
    throw bad(name, `max_entries of a ring buffer is its bytes, a power of two, not ${bytes}`);
  if (bytes > mapLimits.bytes_max) throw bad(name, `a map has up to ${mapLimits.bytes_max} bytes`);
  return { name, type: f.type, keySize: 8, valueSize: 0, maxEntries: bytes, flags: 0 };
};

/** Checks what every form has in common. */
const define = (name: string, f: Fields, init?: Uint8Array): MapDefinition => {
  if (Buffer.byteLength(name) > MAX_MAP_NAME)
    throw bad(name, `the name is longer than ${MAX_MAP_NAME} bytes`);
  const type = supported.get(f.type);
  if (!type) throw bad(name, `type ${f.type} is none of ${[...supported.values()].join(', ')}`);
  if (type === 'ringbuf') return defineRing(name, f);
  if (f.key_size === 0 || f.value_size === 0 || f.max_entries === 0)
    throw bad(name, `key ${f.key_size} bytes, value ${f.value_size} bytes, ${f.max_entries} entries`);
  if (type !== 'hash' && f.key_size !== 4)
    throw bad(name, `the key of an array has 4 bytes, not ${f.key_size}`);
  checkLimits(name, type, f);
  return {
    name,
    type: f.type,
    keySize: f.key_size,
    valueSize: f.value_size,
    maxEntries: f.max_entries,
    flags: f.map_flags,
    ...(init ? { init } : {}),
  };
};

const empty = (): Fields => ({ type: 0, key_size: 0, value_size: 0, max_entries: 0, map_flags: 0 });

const fromBtf = (maps: MapTypes, symbol: ElfSymbol, linux: boolean): MapDefinition => {
  const { btf } = maps;
  const variable = maps.variables.get(symbol.name);
  if (!btf || !variable) throw bad(symbol.name, 'there is no BTF for it; compile with -g');
  return fromStruct(btf, symbol.name, btf.resolve(variable.value), linux, 0);
};

/** Linux checks shapes when the map is made; here only what the analysis relies on matters. */
const defineLinux = (name: string, f: Fields): MapDefinition => ({
  name,
  type: f.type,
  keySize: f.key_size,
  valueSize: f.value_size,
  maxEntries: f.max_entries,
  flags: f.map_flags,
  ...(f.holds ? { holds: f.holds } : {}),
  ...(f.fields ? { fields: fieldsIn(f.type, f.map_flags, f.fields) } : {}),
});

const fromStruct = (
  btf: Btf,
  name: string,
  struct: BtfType,
  linux: boolean,
  depth: number,
): MapDefinition => {
  if (struct.kind !== BTF_KIND.struct) throw bad(name, 'its definition is not a struct');
  if (struct.count > MAX_MEMBERS) throw bad(name, `its definition has ${struct.count} members`);
  const fields = empty();
  for (const member of btf.members(struct)) readMember(btf, name, member, fields, linux, depth);
  return linux ? defineLinux(name, fields) : define(name, fields);
};

/** `struct bpf_map_def`: type, key_size, value_size, max_entries, map_flags; 4 bytes each. */
const fieldsOfLegacy = (section: Section, symbol: ElfSymbol): Fields => {
  const bytes = new Bytes(section.data, `section ${section.name}`);
  const word = (i: number) => bytes.u32(symbol.value + i * 4);
  return {
    type: word(0),
    key_size: word(1),
    value_size: word(2),
    max_entries: word(3),
    map_flags: word(4),
  };
};

/** enum bpf_map_type */
const MAPS_OF_MAPS = [12, 13];
/** `struct bpf_elf_map` of iproute2: after the five words id, pinning, inner_id, inner_idx. */
const IPROUTE2_BYTES = 36;
/** The kernel's samples: after the five words inner_map_idx, numa_node. */
const SAMPLES_BYTES = 28;

/** The map that a map of maps holds; the old forms name it by its number or its place. */
const heldLegacy = (object: ElfObject, section: Section, symbol: ElfSymbol): Fields | undefined => {
  const bytes = new Bytes(section.data, `section ${section.name}`);
  const word = (s: ElfSymbol, i: number) => bytes.u32(s.value + i * 4);
  const others = (object.symbols.get(section.index) ?? []).filter((s) => isMapSymbol(s) && s.size >= 20);
  const held =
    symbol.size >= IPROUTE2_BYTES
      ? others.find((s) => s !== symbol && s.size >= IPROUTE2_BYTES && word(s, 5) === word(symbol, 7))
      : symbol.size >= SAMPLES_BYTES - 4
        ? others[word(symbol, 5)]
        : undefined;
  return held && held !== symbol ? fieldsOfLegacy(section, held) : undefined;
};

const fromLegacy = (object: ElfObject, section: Section, symbol: ElfSymbol, linux: boolean) => {
  const fields = fieldsOfLegacy(section, symbol);
  if (!linux) return define(symbol.name, fields);
  const held = MAPS_OF_MAPS.includes(fields.type) ? heldLegacy(object, section, symbol) : undefined;
  return defineLinux(
    symbol.name,
    held ? { ...fields, holds: defineLinux(`${symbol.name}.values`, held) } : fields,
  );
};

export const isMapSection = (section: Section) => /^(\.maps|maps)(\/|$)/.test(section.name);
export const isDataSection = (section: Section) => /^\.(rodata|data|bss)(\.|$)/.test(section.name);

/** The map that a symbol of a map section stands for. */
export const mapOfSymbol = (
  object: ElfObject,
  types: MapTypes,
  symbol: ElfSymbol,
  linux = false,
): MapDefinition => {
  const section = object.sections[symbol.section]!;
  return section.name === '.maps'
    ? fromBtf(types, symbol, linux)
    : fromLegacy(object, section, symbol, linux);
};

const isMapSymbol = (s: ElfSymbol) => s.type === STT.object || (s.type === STT.notype && s.global);

/** Every map declared in a map section, used or not. */
export const mapSymbols = (object: ElfObject): ElfSymbol[] => {
  const symbols = object.sections
    .filter(isMapSection)
    .flatMap((section) => object.symbols.get(section.index)?.filter(isMapSymbol) ?? []);
  if (symbols.length > MAX_DECLARED) throw new ElfError('object_too_large', `${symbols.length} maps`);
  return symbols;
};

/** The name keeps what tells data sections apart and cuts the object's name. */
const dataName = (objectName: string, section: string) =>
  `${objectName.slice(0, Math.max(1, MAX_MAP_NAME - section.length))}${section}`.slice(0, MAX_MAP_NAME);

/** A section of global variables, as an array map with one entry. */
export const mapOfData = (section: Section, objectName: string, linux = false): MapDefinition => {
  const readOnly = section.name.startsWith('.rodata');
  const name = dataName(objectName, section.name);
  const init = section.data.length > 0 ? section.data.slice() : undefined;
  const fields = {
    type: mapTypes.array,
    key_size: 4,
    value_size: section.size,
    max_entries: 1,
    map_flags: readOnly ? MAP_FLAG_READ_ONLY : 0,
  };
  return linux ? { ...defineLinux(name, fields), ...(init ? { init } : {}) } : define(name, fields, init);
};
