/** What in a map's values is the kernel's: locks, timers, lists, pointers to kernel objects (Linux kernel/bpf/btf.c, struct btf_field). */
import { BTF_KIND, type Btf, type BtfType } from './btf.ts';
import { essentialName } from './core-types.ts';
import { ElfError } from './error.ts';
import type { ElfSymbol } from './file.ts';

/** In the order of enum bpf_field_kind in kernel-aarch64/bpf/program.h. */
export const FIELD_KINDS = [
  'lock',
  'opaque',
  'timer',
  'work',
  'list',
  'tree',
  'list_node',
  'tree_node',
  'count',
  'number',
  'address',
  'type',
  'each',
  'pointer',
  'reference',
  'task',
  'cgroup',
  'cpumask',
  'crypto',
  'conntrack',
  'own',
] as const;

export type KernelField = {
  /** Bytes from the start of the value. */
  readonly offset: number;
  readonly bytes: number;
  readonly kind: (typeof FIELD_KINDS)[number];
  /** Of lists, trees and owned pointers: the struct that they lead to, by its number among the types of the object. */
  readonly holds?: number;
  /** Of owned pointers: each processor has an object of its own there. */
  readonly each?: true;
  /** Of lists and trees: where in it the node lies by which they hold it. */
  readonly node?: number;
};

/** Structs by name. */
const STRUCTS = new Map<string, KernelField['kind']>([
  ['bpf_spin_lock', 'lock'],
  ['bpf_timer', 'timer'],
  ['bpf_wq', 'work'],
  ['bpf_list_head', 'list'],
  ['bpf_rb_root', 'tree'],
  ['bpf_refcount', 'opaque'],
]);

/** The same in objects of a program's own, which have other fields. */
const OWN_STRUCTS = new Map<string, KernelField['kind']>([
  ['bpf_spin_lock', 'lock'],
  ['bpf_list_head', 'list'],
  ['bpf_rb_root', 'tree'],
  ['bpf_list_node', 'list_node'],
  ['bpf_rb_node', 'tree_node'],
  ['bpf_refcount', 'count'],
]);

/** Their bytes in Linux 6.12: others of these names mean nothing. */
const BYTES = new Map([
  ['bpf_spin_lock', 4],
  ['bpf_list_head', 16],
  ['bpf_rb_root', 16],
  ['bpf_list_node', 24],
  ['bpf_rb_node', 32],
  ['bpf_refcount', 4],
]);

/** By what lists and trees hold objects. */
const NODES = new Map<string, string>([
  ['list', 'bpf_list_node'],
  ['tree', 'bpf_rb_node'],
]);
/** Before the tag of a list or tree that names what it holds, and by which member. */
const CONTAINS = 'contains:';

/** Of these a value has one at most (btf_get_field_type()). */
const SINGLE: readonly KernelField['kind'][] = ['lock', 'timer', 'work'];

/** Types of maps whose values may have a field (map_check_btf()): enum bpf_map_type. */
const LASTING = [1, 2, 9];
const STORAGE = [24, 28, 29, 32];
const HOLDERS: Readonly<Partial<Record<KernelField['kind'], readonly number[]>>> = {
  lock: [1, 2, 19, ...STORAGE],
  timer: LASTING,
  work: LASTING,
  list: LASTING,
  tree: LASTING,
};
/** Of all other fields: pointers, and counts of owners. */
const KEEPERS = [...LASTING, 5, 6, 10, ...STORAGE];

/** Pointers by the tag of what they point to. */
const TAGS = new Map<string, KernelField['kind']>([
  ['kptr_untrusted', 'pointer'],
  ['kptr', 'reference'],
  ['percpu_kptr', 'reference'],
]);

/** What owned pointers may lead to, as far as more is known of it. */
const OWNED = new Map<string, KernelField['kind']>([
  ['task_struct', 'task'],
  ['cgroup', 'cgroup'],
  ['bpf_cpumask', 'cpumask'],
  ['bpf_crypto_ctx', 'crypto'],
  ['nf_conn', 'conntrack'],
]);

/** With more (BTF_FIELDS_MAX) Linux takes no types for a map, nor with what else it does not know there, and libbpf makes it without: its values are bytes like others. */
export const MAX_FIELDS = 11;
const MAX_DEPTH = 16;
/** Types looked at for one map: nested arrays of structs must not take for ever. */
const MAX_LOOKS = 100_000;

const bad = (what: string) => new ElfError('bad_map_definition', what);

/** A struct that means something to the kernel wherever it lies in an object. */
export const isSpecial = (btf: Btf, type: BtfType) =>
  type.kind === BTF_KIND.struct && BYTES.get(btf.name(type)) === type.value;

/** A pointer that the kernel knows to own something, or may. */
export const isKept = (btf: Btf, type: BtfType) => {
  if (type.kind !== BTF_KIND.ptr || type.value === 0) return false;
  const tag = btf.type(type.value);
  return tag.kind === BTF_KIND.type_tag && TAGS.has(btf.name(tag));
};

/** Whether objects of this struct can be nobody's but the program's: no type of a kernel has such members. */
export const isOwn = (btf: Btf, type: BtfType) =>
  type.kind === BTF_KIND.struct && btf.members(type).some((m) => isSpecial(btf, btf.type(m.type)));

type Tags = () => readonly string[];
const untagged: Tags = () => [];

class Search {
  readonly #found: KernelField[] = [];
  #looks = 0;
  readonly #btf: Btf;
  readonly #structs: ReadonlyMap<string, KernelField['kind']>;

  constructor(btf: Btf, structs = STRUCTS) {
    this.#btf = btf;
    this.#structs = structs;
  }

  get #full() {
    return this.#found.length > MAX_FIELDS;
  }

  get all(): readonly KernelField[] {
    return this.#found;
  }

  get fields(): readonly KernelField[] {
    return this.#full ? [] : this.#found;
  }

  #add(offset: number, bytes: number, kind: KernelField['kind'], more: Partial<KernelField> = {}) {
    this.#found.push({ offset, bytes, kind, ...more });
  }

  #pointer(pointer: BtfType, offset: number) {
    let at = pointer;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      at = this.#btf.type(at.value);
      const tag = at.kind === BTF_KIND.type_tag;
      const name = tag ? this.#btf.name(at) : '';
      const kind = name === 'kptr' ? this.#owned(at.value) : undefined;
      const tagged = kind ?? TAGS.get(name);
      if (tagged) return this.#add(offset, 8, tagged, this.#kept(name, at.value));
      if (!tag && (at.kind < BTF_KIND.volatile || at.kind > BTF_KIND.restrict)) return;
    }
  }

  #owned(id: number): KernelField['kind'] | undefined {
    const type = this.#btf.resolve(id);
    const named = type.kind === BTF_KIND.struct || type.kind === BTF_KIND.fwd;
    const known = named ? OWNED.get(essentialName(this.#btf.name(type))) : undefined;
    return known ?? (isOwn(this.#btf, type) ? 'own' : undefined);
  }

  #kept(tag: string, id: number): Partial<KernelField> {
    const type = this.#btf.resolve(id);
    if (type.kind !== BTF_KIND.struct || tag === 'kptr_untrusted') return {};
    return { holds: this.#btf.types.indexOf(type), ...(tag === 'percpu_kptr' ? { each: true } : {}) };
  }

  /** `__contains(struct, member)`; one that says nothing of what it holds is for no function. */
  #root(kind: 'list' | 'tree', type: BtfType, offset: number, tags: Tags) {
    const tag = tags().find((t) => t.startsWith(CONTAINS));
    const [name = '', member = ''] = tag?.slice(CONTAINS.length).split(':') ?? [];
    const struct = this.#btf.struct(name);
    const nodes = struct ? this.#btf.members(struct).filter((m) => m.name === member) : [];
    const node = nodes.length === 1 ? this.#btf.type(nodes[0]!.type) : undefined;
    const fits = node && isSpecial(this.#btf, node) && this.#btf.name(node) === NODES.get(kind);
    if (!struct || !fits || !isSpecial(this.#btf, type) || offset % 8 !== 0 || nodes[0]!.offset % 8 !== 0)
      return this.#add(offset, type.value, 'opaque');
    const holds = this.#btf.types.indexOf(struct);
    return this.#add(offset, type.value, kind, { holds, node: nodes[0]!.offset });
  }

  #array(type: BtfType, offset: number, depth: number, tags: Tags) {
    const { element, count } = this.#btf.array(type);
    const before = this.#found.length;
    for (let i = 0; i < count; i++) {
      this.find(element, offset + i * this.#btf.sizeOf(element), depth + 1, tags);
      if (this.#full || this.#found.length === before) return; // what the first has not, none has
    }
  }

  find(id: number, offset: number, depth = 0, tags = untagged): void {
    if (depth > MAX_DEPTH || ++this.#looks > MAX_LOOKS) throw bad('its value is nested too deeply');
    const type = this.#btf.resolve(id);
    if (type.kind === BTF_KIND.ptr) this.#pointer(type, offset);
    if (type.kind === BTF_KIND.array) this.#array(type, offset, depth, tags);
    if (type.kind !== BTF_KIND.struct) return;
    const kind = this.#structs.get(this.#btf.name(type));
    if (kind === 'list' || kind === 'tree') this.#root(kind, type, offset, tags);
    else if (kind && this.#structs === OWN_STRUCTS && (!isSpecial(this.#btf, type) || offset % 4 !== 0))
      this.#add(offset, type.value, 'opaque');
    else if (kind) this.#add(offset, type.value, kind);
    else this.members(type, offset, depth);
  }

  members(of: BtfType, offset: number, depth: number) {
    for (const [i, m] of this.#btf.members(of).entries())
      this.find(m.type, offset + m.offset, depth + 1, () => this.#btf.tagsOfParameter(of, i));
  }

  variables(section: string, symbols?: readonly ElfSymbol[]) {
    for (const { name, type, offset } of this.#btf.placed(section, symbols))
      this.find(type, offset, 1, () => this.#btf.tagsOf(this.#btf.variables(section).get(name)!));
  }
}

/** Lists and trees are for functions that find their lock beside them. */
const withLock = (fields: readonly KernelField[]): readonly KernelField[] => {
  if (fields.some(({ kind }) => kind === 'lock')) return fields;
  return fields.map((f) => (f.kind === 'list' || f.kind === 'tree' ? { ...f, kind: 'opaque' } : f));
};

/** Only a map that programs both read and write has fields (BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG). */
const ONE_WAY = 0x180;

const isAligned = ({ kind, offset }: KernelField) =>
  offset % (kind === 'lock' || kind === 'opaque' ? 4 : 8) === 0;

/** The fields that Linux knows in values of a map of this type, with these flags. */
export const fieldsIn = (
  type: number,
  flags: number,
  fields: readonly KernelField[],
): readonly KernelField[] => {
  const isThere = (f: KernelField) => isAligned(f) && (HOLDERS[f.kind] ?? KEEPERS).includes(type);
  const twice = SINGLE.some((kind) => fields.filter((f) => f.kind === kind).length > 1);
  return twice || (flags & ONE_WAY) !== 0 || !fields.every(isThere) ? [] : fields;
};

/** The fields in a value of this type. @throws ElfError */
export const kernelFieldsOf = (btf: Btf, id: number): readonly KernelField[] => {
  const search = new Search(btf);
  search.find(id, 0);
  return withLock(search.fields);
};

/** The fields in an object of a program's own type. @throws ElfError */
export const ownFieldsOf = (btf: Btf, type: BtfType): readonly KernelField[] => {
  const search = new Search(btf, OWN_STRUCTS);
  search.members(type, 0, 0);
  return search.all;
};

/** The fields among the variables of a data section. @throws ElfError */
export const kernelFieldsOfSection = (
  btf: Btf | undefined,
  section: string,
  symbols?: readonly ElfSymbol[],
): readonly KernelField[] => {
  if (!btf) return [];
  const search = new Search(btf);
  search.variables(section, symbols);
  return withLock(search.fields);
};
