/** BPF Type Format: as much as map definitions need (Linux Documentation/bpf/btf.rst §2). */
import { Bytes } from './bytes.ts';
import { ElfError } from './error.ts';

export type BtfMember = {
  readonly name: string;
  readonly type: number;
  /** Bytes from the start of the struct. */
  readonly offset: number;
};
/** A member down to its bits; `bitfield` is 0 for all of a type. */
export type BtfBits = {
  readonly name: string;
  readonly type: number;
  readonly bits: number;
  readonly bitfield: number;
};
/** A type; names and members are read when asked for, so that a huge section costs little. */
export type BtfType = {
  readonly kind: number;
  readonly nameAt: number;
  /** size or type, by kind */
  readonly value: number;
  /** Offset of what follows the common header, and how many elements that has. */
  readonly at: number;
  readonly count: number;
};

export const BTF_KIND = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  func_proto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  decl_tag: 17,
  type_tag: 18,
  enum64: 19,
} as const;

const MAGIC = 0xeb9f;
const MAX_TYPES = 65536;
/** Deeper nesting of typedefs, qualifiers and arrays than this is a cycle. */
const MAX_DEPTH = 32;
const MAX_TYPE_BYTES = 1 << 24;

/** Bytes after the 12-byte header of a type: fixed, and for each of `vlen` elements. */
const extra: Readonly<Record<number, readonly [number, number]>> = {
  [BTF_KIND.int]: [4, 0],
  [BTF_KIND.ptr]: [0, 0],
  [BTF_KIND.array]: [12, 0],
  [BTF_KIND.struct]: [0, 12],
  [BTF_KIND.union]: [0, 12],
  [BTF_KIND.enum]: [0, 8],
  [BTF_KIND.fwd]: [0, 0],
  [BTF_KIND.typedef]: [0, 0],
  [BTF_KIND.volatile]: [0, 0],
  [BTF_KIND.const]: [0, 0],
  [BTF_KIND.restrict]: [0, 0],
  [BTF_KIND.func]: [0, 0],
  [BTF_KIND.func_proto]: [0, 8],
  [BTF_KIND.var]: [4, 0],
  [BTF_KIND.datasec]: [0, 12],
  [BTF_KIND.float]: [0, 0],
  [BTF_KIND.decl_tag]: [4, 0],
  [BTF_KIND.type_tag]: [0, 0],
  [BTF_KIND.enum64]: [0, 12],
};

/** More tags of one function and its parameters than this say nothing more. */
const MAX_TAGS = 256;
/** A tag of the whole type, not of one of its parameters or members. */
const WHOLE = 0xffff_ffff;

const bad = (what: string) => new ElfError('bad_btf', what);

/** Header of .BTF and .BTF.ext: magic, version, length of the header. */
export const checkHeader = (bytes: Bytes, what: string): number => {
  if (bytes.u16(0) !== MAGIC || bytes.u8(2) !== 1)
    throw bad(`${what}: magic ${bytes.u16(0)}, version ${bytes.u8(2)}`);
  return bytes.u32(4);
};

const readTypes = (bytes: Bytes, most: number): BtfType[] => {
  const types: BtfType[] = [{ kind: 0, nameAt: 0, value: 0, at: 0, count: 0 }];
  for (let start = 0; start < bytes.size; ) {
    if (types.length > most) throw bad(`more than ${most} types`);
    const info = bytes.u32(start + 4);
    const kind = (info >>> 24) & 31;
    const count = info & 0xffff;
    const sizes = extra[kind];
    if (!sizes) throw bad(`type ${types.length} has the unknown kind ${kind}`);
    const at = start + 12;
    types.push({ kind, nameAt: bytes.u32(start), value: bytes.u32(start + 8), at, count });
    start = at + sizes[0] + sizes[1] * count;
    bytes.slice(0, start);
  }
  return types;
};

export class Btf {
  readonly types: readonly BtfType[];
  readonly strings: Bytes;
  readonly #bytes: Bytes;
  /** What is asked for once an instruction: found once, however large the section. */
  readonly #variables = new Map<string, ReadonlyMap<string, BtfType>>();
  readonly #named = new Map<number, ReadonlyMap<string, BtfType>>();
  #tagged: ReadonlyMap<BtfType, readonly BtfType[]> | undefined;

  /** @throws ElfError with `bad_btf`, as does every method. */
  constructor(section: Uint8Array, mostTypes = MAX_TYPES) {
    const bytes = new Bytes(section, '.BTF', 'bad_btf');
    const header = checkHeader(bytes, '.BTF');
    const part = (at: number) => bytes.slice(header + bytes.u32(at), bytes.u32(at + 4));
    this.strings = new Bytes(part(16), '.BTF strings', 'bad_btf');
    this.#bytes = new Bytes(part(8), '.BTF types', 'bad_btf');
    this.types = readTypes(this.#bytes, mostTypes);
  }

  name(type: BtfType) {
    return this.strings.text(type.nameAt);
  }

  /** Number of elements and element type of an array. */
  array(type: BtfType) {
    return { element: this.#bytes.u32(type.at), count: this.#bytes.u32(type.at + 8) };
  }

  /** The variables of a data section, by name. */
  variables(section: string): ReadonlyMap<string, BtfType> {
    const known = this.#variables.get(section);
    if (known) return known;
    const type = this.types.find((t) => t.kind === BTF_KIND.datasec && this.name(t) === section);
    const ids = Array.from({ length: type?.count ?? 0 }, (_, i) => this.#bytes.u32(type!.at + i * 12));
    const variables = new Map(ids.map((id) => [this.name(this.type(id)), this.type(id)]));
    this.#variables.set(section, variables);
    return variables;
  }

  /** Whether the function of this name returns an int or an enum; true when nothing is known of it. */
  returnsInt(name: string): boolean {
    const f = this.function(name);
    if (!f) return true;
    const { kind, value: size } = this.resolve(this.type(f.value).value);
    return kind === BTF_KIND.enum || kind === BTF_KIND.enum64 || (kind === BTF_KIND.int && size <= 8);
  }

  /** A bit of the type's first word, with a meaning that depends on the kind. */
  flag(type: BtfType): boolean {
    return this.#bytes.u32(type.at - 8) >>> 31 === 1;
  }

  /** Members of a struct down to their bits. */
  bits(type: BtfType): BtfBits[] {
    const widths = this.flag(type);
    return Array.from({ length: type.count }, (_, i) => {
      const at = type.at + i * 12;
      const [id, offset] = [this.#bytes.u32(at + 4), this.#bytes.u32(at + 8)];
      const name = this.strings.text(this.#bytes.u32(at));
      if (widths) return { name, type: id, bits: offset & 0xffffff, bitfield: offset >>> 24 };
      const of = this.resolve(id);
      const encoding = of.kind === BTF_KIND.int ? this.#bytes.u32(of.at) : 0;
      const width = encoding & 255;
      const part = encoding !== 0 && width !== 8 * of.value;
      return { name, type: id, bits: offset + ((encoding >>> 16) & 255), bitfield: part ? width : 0 };
    });
  }

  /** Names and values of an enumeration. */
  enumerators(type: BtfType) {
    const wide = type.kind === BTF_KIND.enum64;
    const signed = this.flag(type);
    return Array.from({ length: type.count }, (_, i) => {
      const at = type.at + i * (wide ? 12 : 8);
      const low = BigInt(this.#bytes.u32(at + 4));
      const value = wide ? low | (BigInt(this.#bytes.u32(at + 8)) << 32n) : low;
      const name = this.strings.text(this.#bytes.u32(at));
      return { name, value: signed ? BigInt.asIntN(wide ? 64 : 32, value) : value };
    });
  }

  isSigned(type: BtfType): boolean {
    if (type.kind === BTF_KIND.int) return ((this.#bytes.u32(type.at) >>> 24) & 1) === 1;
    return (type.kind === BTF_KIND.enum || type.kind === BTF_KIND.enum64) && this.flag(type);
  }

  /** The function of this name. */
  function(name: string): BtfType | undefined {
    return this.#byName(BTF_KIND.func).get(name);
  }

  /** The struct of this name. */
  struct(name: string): BtfType | undefined {
    return this.#byName(BTF_KIND.struct).get(name);
  }

  /** The variable of this name, whatever section it lies in. */
  variable(name: string): BtfType | undefined {
    return this.#byName(BTF_KIND.var).get(name);
  }

  /** The first of each name. */
  #byName(kind: number): ReadonlyMap<string, BtfType> {
    const known = this.#named.get(kind);
    if (known) return known;
    const named = new Map<string, BtfType>();
    for (const t of this.types) {
      if (t.kind !== kind) continue;
      const found = this.name(t);
      if (!named.has(found)) named.set(found, t);
    }
    this.#named.set(kind, named);
    return named;
  }

  /** Types of a function's parameters, and of what it returns. */
  prototypeOf(func: BtfType) {
    const type = this.resolve(func.value);
    if (type.kind !== BTF_KIND.func_proto) throw bad(`function ${this.name(func)} has no prototype`);
    return { parameters: this.parametersOf(type), returns: type.value };
  }

  /** Types of the parameters of a prototype. */
  parametersOf(type: BtfType): number[] {
    return Array.from({ length: type.count }, (_, i) => this.#bytes.u32(type.at + i * 8 + 4));
  }

  /** What a function or a variable is tagged with. */
  tagsOf(func: BtfType): string[] {
    return this.#tags(func, WHOLE);
  }

  /** What its parameter of this number is tagged with; of a struct, its member. */
  tagsOfParameter(func: BtfType, parameter: number): string[] {
    return this.#tags(func, parameter);
  }

  #tags(type: BtfType, component: number): string[] {
    const tags = this.#tagsByType().get(type) ?? [];
    if (tags.length > MAX_TAGS) throw bad(`more than ${MAX_TAGS} tags of one type`);
    return tags.filter((t) => this.#bytes.u32(t.at) === component).map((t) => this.name(t));
  }

  /** Found once, however often it is asked for. */
  #tagsByType(): ReadonlyMap<BtfType, readonly BtfType[]> {
    if (this.#tagged) return this.#tagged;
    const tagged = new Map<BtfType, BtfType[]>();
    for (const tag of this.types) {
      const type = tag.kind === BTF_KIND.decl_tag ? this.types[tag.value] : undefined;
      const known = type && tagged.get(type);
      if (known) known.push(tag);
      else if (type) tagged.set(type, [tag]);
    }
    this.#tagged = tagged;
    return tagged;
  }

  /** Members of a struct. */
  members(type: BtfType): BtfMember[] {
    const bitfields = this.#bytes.u32(type.at - 8) >>> 31 === 1; // then a width stands in the upper byte
    return Array.from({ length: type.count }, (_, i) => {
      const bits = this.#bytes.u32(type.at + i * 12 + 8);
      return {
        name: this.strings.text(this.#bytes.u32(type.at + i * 12)),
        type: this.#bytes.u32(type.at + i * 12 + 4),
        offset: (bitfields ? bits & 0xffffff : bits) >>> 3,
      };
    });
  }

  /** Where the variables of a data section stand in it: compilers leave that to the symbols, where there are any. */
  placed(section: string, symbols: readonly { name: string; value: number }[] = []): BtfMember[] {
    const values = new Map(symbols.map(({ name, value }) => [name, value]));
    const type = this.types.find((t) => t.kind === BTF_KIND.datasec && this.name(t) === section);
    return Array.from({ length: type?.count ?? 0 }, (_, i) => {
      const variable = this.type(this.#bytes.u32(type!.at + i * 12));
      const name = this.name(variable);
      const offset = values.get(name) ?? this.#bytes.u32(type!.at + i * 12 + 4);
      return { name, type: variable.value, offset };
    });
  }

  type(id: number): BtfType {
    const found = this.types[id];
    if (!found) throw bad(`there is no type ${id}`);
    return found;
  }

  /** The type behind typedefs and qualifiers. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const { kind } = type;
      const named = kind === BTF_KIND.typedef || kind === BTF_KIND.type_tag;
      if (!named && (kind < BTF_KIND.volatile || kind > BTF_KIND.restrict)) return type;
      type = this.type(type.value);
    }
    throw bad(`type ${id} is a cycle`);
  }

  /** Size of a value of this type in bytes. */
  sizeOf(id: number, depth = 0): number {
    if (depth > MAX_DEPTH) throw bad(`type ${id} is a cycle`);
    const type = this.resolve(id);
    const size = this.#ownSize(type, depth);
    if (size > MAX_TYPE_BYTES) throw bad(`type ${id} has ${size} bytes`);
    return size;
  }

  #ownSize(type: BtfType, depth: number): number {
    switch (type.kind) {
      case BTF_KIND.array: {
        const { element, count } = this.array(type);
        return count * this.sizeOf(element, depth + 1);
      }
      case BTF_KIND.ptr:
        return 8;
      case BTF_KIND.int:
      case BTF_KIND.struct:
      case BTF_KIND.union:
      case BTF_KIND.enum:
      case BTF_KIND.enum64:
      case BTF_KIND.float:
        return type.value;
      default:
        throw bad(`type ${this.name(type) || '(unnamed)'} of kind ${type.kind} has no size`);
    }
  }
}
