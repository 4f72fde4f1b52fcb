/** Types of a program's own, of which it makes objects (Linux kernel/bpf/btf.c, btf_parse_struct_metas() and btf_struct_access()). */
import { BTF_KIND, type Btf, type BtfType } from './btf.ts';
import { isComposite, isEnum, type KernelTypes } from './core-types.ts';
import { ElfError } from './error.ts';
import { isKept, isSpecial, type KernelField, MAX_FIELDS, ownFieldsOf } from './kernel-fields.ts';

export type OwnType = {
  /** Its number among the types of the object. */
  readonly id: number;
  readonly fields: readonly KernelField[];
  /** Each processor has one: a type of its own, without fields. */
  readonly each?: true;
};

/** On the way: how many owners it had above it at most, so that no type is looked into for each way to it. */
type Found = { readonly fields: readonly KernelField[]; readonly owners: number };

const MAX_DEPTH = 16;
/** More places than any type has that programs make objects of. */
const MAX_PLACES = 256;
/** Types looked at for one: nested arrays of structs must not take for ever, though there be nothing in them. */
const MAX_LOOKS = 100_000;
/** BTF_MAX_OWNERSHIP_DEPTH */
const MAX_OWNERS = 8;
/** Lists and trees hold other objects; so does an owned pointer. */
const HOLDING = ['list', 'tree', 'own'];

/** BPF_GLOBAL_PERCPU_MA_MAX_SIZE */
const MAX_EACH_BYTES = 512;
/** Structs within structs, in what each processor has one of (__btf_type_is_scalar_struct()). */
const MAX_EACH_DEPTH = 3;

const bad = (what: string) => new ElfError('btf_unsupported', what);

/** What is named in the struct itself, as the kernel looks for it; without any it takes no look at nested ones. */
const hasSpecial = (btf: Btf, type: BtfType) =>
  btf.members(type).some((m) => isSpecial(btf, btf.type(m.type)) || isKept(btf, btf.type(m.type)));

const isNumber = ({ kind }: BtfType) => kind === BTF_KIND.int || isEnum(kind);

/** Of numbers, arrays of them and such structs; `looks` are those that are left. */
const isOfNumbers = (btf: Btf, type: BtfType, looks = { left: MAX_LOOKS }, depth = 0): boolean =>
  btf.members(type).every((m) => {
    const member = btf.resolve(m.type);
    if (looks.left-- <= 0) return false;
    if (isComposite(member.kind)) return depth < MAX_EACH_DEPTH && isOfNumbers(btf, member, looks, depth + 1);
    if (member.kind !== BTF_KIND.array) return isNumber(member);
    const { element, count } = btf.array(member);
    return count > 0 && isNumber(btf.resolve(element));
  });

/** Whether each processor can be given one. */
const mayBeEach = (btf: Btf, type: BtfType) =>
  type.kind === BTF_KIND.struct &&
  type.value <= MAX_EACH_BYTES &&
  !hasSpecial(btf, type) &&
  isOfNumbers(btf, type);

/** Places that hold data, as accesses find them. */
class Reader {
  readonly #btf: Btf;
  readonly #withSpecial: boolean;
  readonly places: KernelField[] = [];
  #looks = 0;

  constructor(btf: Btf, type: BtfType) {
    this.#btf = btf;
    this.#withSpecial = hasSpecial(btf, type);
    this.#struct(type, 0, 0);
  }

  #add(offset: number, bytes: number, kind: KernelField['kind']) {
    if (this.places.length === MAX_PLACES) throw bad(`a type has more than ${MAX_PLACES} members`);
    this.places.push({ offset, bytes, kind });
  }

  #array(type: BtfType, offset: number, depth: number) {
    const { element, count } = this.#btf.array(type);
    const size = this.#btf.sizeOf(element);
    if (isNumber(this.#btf.resolve(element))) return this.#add(offset, size * count, 'number');
    for (let i = 0; i < count; i++) this.#place(element, offset + i * size, depth + 1);
  }

  #place(id: number, offset: number, depth: number) {
    if (depth > MAX_DEPTH || ++this.#looks > MAX_LOOKS) throw bad('a type is nested too deeply');
    const type = this.#btf.resolve(id);
    if (isSpecial(this.#btf, type)) return;
    if (type.kind === BTF_KIND.array) this.#array(type, offset, depth);
    else if (type.kind === BTF_KIND.struct) this.#struct(type, offset, depth + 1);
    else if (type.kind === BTF_KIND.union) this.#union(type, offset, depth + 1);
    else if (type.kind === BTF_KIND.ptr) {
      const kept = this.#btf.type(type.value).kind === BTF_KIND.type_tag;
      if (kept && !isKept(this.#btf, type))
        throw bad('a type has a pointer with a tag that the kernel does not know');
      if (!kept || !this.#withSpecial) this.#add(offset, 8, 'address');
    } else if (isNumber(type)) this.#add(offset, type.value, 'number');
  }

  #struct(type: BtfType, offset: number, depth: number) {
    for (const m of this.#btf.bits(type))
      if (m.bitfield === 0) this.#place(m.type, offset + m.bits / 8, depth);
  }

  /** What lies at a place is what the first member has there: of the others only what lies behind it counts. */
  #union(type: BtfType, offset: number, depth: number) {
    let end = 0;
    for (const { type: id, bitfield } of this.#btf.bits(type)) {
      const of = this.#btf.resolve(id);
      const size = bitfield === 0 ? this.#btf.sizeOf(id) : 0;
      if (end === 0 && size > 0) this.#place(id, offset, depth);
      else if (size > end && isNumber(of)) this.#add(offset + end, size - end, 'number');
      end = Math.max(end, size);
    }
  }
}

const check = (name: string, fields: readonly KernelField[]) => {
  const count = (...kinds: string[]) => fields.filter((f) => kinds.includes(f.kind)).length;
  const special = fields.length - count('number', 'address');
  if (special > MAX_FIELDS) throw bad(`${name} has more than ${MAX_FIELDS} fields that are the kernel's`);
  if (count('lock') > 1 || count('count') > 1) throw bad(`${name} has two locks, or counts owners twice`);
  if (count('list', 'tree') > 0 && count('lock') === 0) throw bad(`${name} has no lock for what it holds`);
  if (count('list_node') > 0 && count('tree_node') > 0 && count('count') === 0)
    throw bad(`${name} lies in lists and in trees and does not count who owns it`);
};

/** Types by their numbers, with those that their objects hold. */
export class OwnTypes {
  readonly #btf: Btf;
  readonly #kernel: KernelTypes | undefined;
  readonly #types = new Map<number, OwnType>();
  readonly #each = new Set<number>();

  constructor(btf: Btf, kernel: KernelTypes | undefined) {
    this.#btf = btf;
    this.#kernel = kernel;
  }

  get types(): readonly OwnType[] {
    const each = [...this.#each].filter((id) => this.#types.has(id));
    return [...this.#types.values(), ...each.map((id): OwnType => ({ id, fields: [], each: true }))];
  }

  /** Whether objects of this type can be made: the kernel takes it, and all that it holds. */
  add(id: number): boolean {
    try {
      const found = new Map<number, Found>();
      this.#find(id, found, 0);
      for (const [known, { fields }] of found) this.#types.set(known, { id: known, fields });
      return true;
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
      return false;
    }
  }

  /** The same of what each processor gets one of. */
  addEach(id: number): boolean {
    if (!mayBeEach(this.#btf, this.#btf.type(id)) || !this.add(id)) return false;
    this.#each.add(id);
    return true;
  }

  /** A pointer is to an object of the program's own when the kernel has no struct of this name. */
  #pointer(f: KernelField): KernelField {
    if ((f.kind !== 'own' && f.kind !== 'reference') || f.holds === undefined) return f;
    const theirs = this.#kernel?.candidates(this.#btf.name(this.#btf.type(f.holds)), BTF_KIND.struct);
    if (theirs && theirs.length > 0) return { ...f, kind: 'reference' };
    if (f.each) return { ...f, kind: this.addEach(f.holds) ? 'own' : 'reference' };
    return theirs ? { ...f, kind: 'own' } : f;
  }

  /** The fields of a map, with what they hold added; what holds what the kernel does not take is for no function. */
  settle(fields: readonly KernelField[]): KernelField[] {
    return fields.map((f) => {
      const settled = this.#pointer(f);
      if (!HOLDING.includes(settled.kind) || settled.holds === undefined || this.add(settled.holds))
        return settled;
      return { ...settled, kind: settled.kind === 'own' ? 'reference' : 'opaque' };
    });
  }

  #fieldsOf(type: BtfType): KernelField[] {
    const { places } = new Reader(this.#btf, type);
    const special = hasSpecial(this.#btf, type) ? ownFieldsOf(this.#btf, type) : [];
    if (special.some(({ kind }) => kind === 'opaque')) throw bad('a list or tree does not say what it holds');
    return [...special.map((f) => this.#pointer(f)), ...places];
  }

  #find(id: number, found: Map<number, Found>, owners: number) {
    if (owners > MAX_OWNERS) throw bad('objects own each other in turn');
    const before = found.get(id);
    if (before && before.owners >= owners) return;
    const type = this.#btf.type(id);
    if (type.kind !== BTF_KIND.struct) throw bad('it is no struct');
    const fields = before?.fields ?? this.#types.get(id)?.fields ?? this.#fieldsOf(type);
    check(this.#btf.name(type), fields);
    found.set(id, { fields, owners });
    for (const f of fields)
      if (HOLDING.includes(f.kind) && f.holds !== undefined) this.#find(f.holds, found, owners + 1);
  }
}
