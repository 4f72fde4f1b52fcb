/** Whether a type of a kernel is compatible with one of a program, or matches it member by member (libbpf's rules, relo_core.c). */
import { BTF_KIND, type Btf, type BtfType } from './btf.ts';
import { essentialName, isComposite, isEnum } from './core-types.ts';
import { ElfError } from './error.ts';

/** Types in types, as libbpf looks at them; and at how many at all, so that nobody waits for types made to take for ever. */
const MAX_DEPTH = 32;
const MAX_LOOKS = 1_000_000;

/** In the one types and in the other. */
type Pair = { readonly local: number; readonly kernel: number };

class Matching {
  readonly #local: Btf;
  readonly #kernel: Btf;
  #looks = 0;

  constructor(local: Btf, kernel: Btf) {
    this.#local = local;
    this.#kernel = kernel;
  }

  #look(depth: number) {
    if (depth > MAX_DEPTH || ++this.#looks > MAX_LOOKS)
      throw new ElfError('core_unsupported', 'CO-RE: types nested too deeply to compare');
  }

  #sameName(a: string, b: string) {
    this.#look(0);
    return b === '' ? a === '' : essentialName(a) === essentialName(b);
  }

  #parameters(a: BtfType, b: BtfType, same: (pair: Pair) => boolean): boolean {
    if (a.count !== b.count) return false;
    const [ours, theirs] = [this.#local.parametersOf(a), this.#kernel.parametersOf(b)];
    return ours.every((local, i) => same({ local, kernel: theirs[i]! }));
  }

  /** bpf_core_types_are_compat() */
  compatible({ local, kernel }: Pair, depth = 0): boolean {
    this.#look(depth);
    const [a, b] = [this.#local.resolve(local), this.#kernel.resolve(kernel)];
    if (a.kind !== b.kind && !(isEnum(a.kind) && isEnum(b.kind))) return false;
    const within = (pair: Pair) => this.compatible(pair, depth + 1);
    switch (a.kind) {
      case BTF_KIND.ptr:
        return within({ local: a.value, kernel: b.value });
      case BTF_KIND.array:
        return within({ local: this.#local.array(a).element, kernel: this.#kernel.array(b).element });
      case BTF_KIND.func_proto:
        return this.#parameters(a, b, within) && within({ local: a.value, kernel: b.value });
      default:
        return a.kind !== BTF_KIND.float;
    }
  }

  #enums(a: BtfType, b: BtfType): boolean {
    if (!isEnum(b.kind) || a.value !== b.value || a.count > b.count) return false;
    const theirs = this.#kernel.enumerators(b);
    return this.#local
      .enumerators(a)
      .every((ours) => theirs.some((other) => this.#sameName(ours.name, other.name)));
  }

  /** Behind a pointer what is only declared is as good as what is defined. */
  #forward(a: BtfType, b: BtfType, behind: boolean): boolean {
    const union = this.#local.flag(a);
    if (a.kind === b.kind) return union === this.#kernel.flag(b);
    return behind && b.kind === (union ? BTF_KIND.union : BTF_KIND.struct);
  }

  #composites(a: BtfType, b: BtfType, behind: boolean, depth: number): boolean {
    if (behind && b.kind === BTF_KIND.fwd) return (a.kind === BTF_KIND.union) === this.#kernel.flag(b);
    if (a.kind !== b.kind) return false;
    if (behind) return true;
    if (a.count > b.count) return false;
    const theirs = this.#kernel.members(b);
    return this.#local
      .members(a)
      .every((ours) =>
        theirs.some(
          (other) =>
            this.#sameName(ours.name, other.name) &&
            this.matches({ local: ours.type, kernel: other.type }, behind, depth + 1),
        ),
      );
  }

  /** bpf_core_types_match() */
  matches({ local, kernel }: Pair, behind = false, depth = 0): boolean {
    this.#look(depth);
    const [a, b] = [this.#local.resolve(local), this.#kernel.resolve(kernel)];
    if (!this.#sameName(this.#local.name(a), this.#kernel.name(b))) return false;
    if (a.kind === BTF_KIND.fwd) return this.#forward(a, b, behind);
    if (isEnum(a.kind)) return this.#enums(a, b);
    if (isComposite(a.kind)) return this.#composites(a, b, behind, depth);
    if (a.kind !== b.kind) return false;
    const within = (pair: Pair, hidden = behind) => this.matches(pair, hidden, depth + 1);
    switch (a.kind) {
      case 0:
        return true;
      case BTF_KIND.int:
        return a.value === b.value && this.#local.isSigned(a) === this.#kernel.isSigned(b);
      case BTF_KIND.ptr:
        return within({ local: a.value, kernel: b.value }, true);
      case BTF_KIND.array: {
        const [ours, theirs] = [this.#local.array(a), this.#kernel.array(b)];
        return ours.count === theirs.count && within({ local: ours.element, kernel: theirs.element });
      }
      case BTF_KIND.func_proto:
        return this.#parameters(a, b, within) && within({ local: a.value, kernel: b.value });
      default:
        return false;
    }
  }
}

/** @throws ElfError */
export const typesCompatible = (ours: Btf, local: number, theirs: Btf, kernel: number): boolean =>
  new Matching(ours, theirs).compatible({ local, kernel });

/** @throws ElfError */
export const typesMatch = (ours: Btf, local: number, theirs: Btf, kernel: number): boolean =>
  new Matching(ours, theirs).matches({ local, kernel });
