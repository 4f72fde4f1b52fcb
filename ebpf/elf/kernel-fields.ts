/** What in a map's values is the kernel's: locks, timers, lists, pointers to kernel objects (Linux kernel/bpf/btf.c, struct btf_field). */
import { BTF_KIND, type Btf, type BtfMember, type BtfType } from './btf.ts';
import { essentialName } from './core-types.ts';
import { ElfError } from './error.ts';
import type { ElfSymbol } from './file.ts';

/** In the order of enum bpf_field_kind in kernel-aarch64/bpf/program.h. */
export const FIELD_KINDS = [
  'lock',
  'opaque',
  'timer',
  'work',
  'pointer',
  'reference',
  'task',
  'cgroup',
  'cpumask',
  'conntrack',
] as const;

export type KernelField = {
  /** Bytes from the start of the value. */
  readonly offset: number;
  readonly bytes: number;
  readonly kind: (typeof FIELD_KINDS)[number];
};

/** Structs by name. */
const STRUCTS = new Map<string, KernelField['kind']>([
  ['bpf_spin_lock', 'lock'],
  ['bpf_timer', 'timer'],
  ['bpf_wq', 'work'],
  ['bpf_list_head', 'opaque'],
  ['bpf_rb_root', 'opaque'],
  ['bpf_refcount', 'opaque'],
]);

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
  ['nf_conn', 'conntrack'],
]);

/** With more (BTF_FIELDS_MAX) Linux takes no types for a map, and libbpf makes it without: its values are bytes like others. */
const MAX_MAP_FIELDS = 11;
const MAX_DEPTH = 16;
/** Types looked at for one map: nested arrays of structs must not take for ever. */
const MAX_LOOKS = 100_000;

const bad = (what: string) => new ElfError('bad_map_definition', what);

class Search {
  readonly #found: KernelField[] = [];
  #looks = 0;
  readonly #btf: Btf;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  get #full() {
    return this.#found.length > MAX_MAP_FIELDS;
  }

  get fields(): readonly KernelField[] {
    return this.#full ? [] : this.#found;
  }

  #add(offset: number, bytes: number, kind: KernelField['kind']) {
    this.#found.push({ offset, bytes, kind });
  }

  #pointer(pointer: BtfType, offset: number) {
    let at = pointer;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      at = this.#btf.type(at.value);
      const tag = at.kind === BTF_KIND.type_tag;
      const name = tag ? this.#btf.name(at) : '';
      const kind = name === 'kptr' ? OWNED.get(this.#pointee(at.value)) : undefined;
      const tagged = kind ?? TAGS.get(name);
      if (tagged) return this.#add(offset, 8, tagged);
      if (!tag && (at.kind < BTF_KIND.volatile || at.kind > BTF_KIND.restrict)) return;
    }
  }

  #pointee(id: number) {
    const type = this.#btf.resolve(id);
    return type.kind === BTF_KIND.struct || type.kind === BTF_KIND.fwd
      ? essentialName(this.#btf.name(type))
      : '';
  }

  #array(type: BtfType, offset: number, depth: number) {
    const { element, count } = this.#btf.array(type);
    const before = this.#found.length;
    for (let i = 0; i < count; i++) {
      this.find(element, offset + i * this.#btf.sizeOf(element), depth + 1);
      if (this.#full || this.#found.length === before) return; // what the first has not, none has
    }
  }

  find(id: number, offset: number, depth = 0): void {
    if (depth > MAX_DEPTH || ++this.#looks > MAX_LOOKS) throw bad('its value is nested too deeply');
    const type = this.#btf.resolve(id);
    if (type.kind === BTF_KIND.ptr) this.#pointer(type, offset);
    if (type.kind === BTF_KIND.array) this.#array(type, offset, depth);
    if (type.kind !== BTF_KIND.struct) return;
    const kind = STRUCTS.get(this.#btf.name(type));
    if (kind) this.#add(offset, type.value, kind);
    else this.members(this.#btf.members(type), offset, depth);
  }

  members(members: readonly BtfMember[], offset: number, depth: number) {
    for (const m of members) this.find(m.type, offset + m.offset, depth + 1);
  }
}

/** The fields in a value of this type. @throws ElfError */
export const kernelFieldsOf = (btf: Btf, id: number): readonly KernelField[] => {
  const search = new Search(btf);
  search.find(id, 0);
  return search.fields;
};

/** The fields among the variables of a data section. @throws ElfError */
export const kernelFieldsOfSection = (
  btf: Btf | undefined,
  section: string,
  symbols?: readonly ElfSymbol[],
): readonly KernelField[] => {
  if (!btf) return [];
  const search = new Search(btf);
  search.members(btf.placed(section, symbols), 0, 0);
  return search.fields;
};
