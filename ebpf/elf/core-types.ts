/** Types of a kernel by name, for CO-RE: what programs were compiled against is looked for in them (libbpf's rules, relo_core.c). */
import { BTF_KIND, Btf } from './btf.ts';
import { ElfError } from './error.ts';
import { readSection } from './file.ts';

/** The BTF of a large kernel with its modules has a few hundred thousand. */
const MAX_KERNEL_TYPES = 1 << 20;
const BTF_MAGIC = 0xeb9f;

/** What follows `___` in a name tells variants of one apart. */
export const essentialName = (name: string) => name.replace(/___.*$/, '');

export const isComposite = (kind: number) => kind === BTF_KIND.struct || kind === BTF_KIND.union;
export const isEnum = (kind: number) => kind === BTF_KIND.enum || kind === BTF_KIND.enum64;

/** Kinds of types that relocations start from; most others are functions. */
const SOUGHT = new Set<number>([
  BTF_KIND.int,
  BTF_KIND.struct,
  BTF_KIND.union,
  BTF_KIND.enum,
  BTF_KIND.enum64,
  BTF_KIND.fwd,
  BTF_KIND.typedef,
  BTF_KIND.float,
]);

/** A kernel's types. */
export class KernelTypes {
  readonly btf: Btf;
  readonly #byName = new Map<string, number[]>();

  /**
   * @param file what `/sys/kernel/btf/vmlinux` holds, or an ELF with a section `.BTF`, like a vmlinux.
   * @throws ElfError
   */
  constructor(file: Uint8Array) {
    const raw = file.length >= 2 && file[0] === (BTF_MAGIC & 255) && file[1] === BTF_MAGIC >> 8;
    const section = raw ? file : readSection(file, '.BTF');
    if (!section) throw new ElfError('bad_btf', 'the file is no BTF, and has no section .BTF');
    this.btf = new Btf(section, MAX_KERNEL_TYPES);
    for (const [id, type] of this.btf.types.entries()) {
      if (type.nameAt === 0 || !SOUGHT.has(type.kind)) continue;
      const name = essentialName(this.btf.name(type));
      const ids = this.#byName.get(name);
      if (ids) ids.push(id);
      else this.#byName.set(name, [id]);
    }
  }

  /** Ids of the types with this name and of this kind. */
  candidates(name: string, kind: number): number[] {
    const alike = (other: number) => other === kind || (isEnum(other) && isEnum(kind));
    return (this.#byName.get(essentialName(name)) ?? []).filter((id) => alike(this.btf.type(id).kind));
  }
}
