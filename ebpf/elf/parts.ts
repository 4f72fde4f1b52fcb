/** Where what is known of objects of the kernel lies in them, by the types that programs are relocated for. */
import {
  contextRulesAt,
  type LinuxType,
  type OBJECT_KINDS,
  type PARTS,
  type PartRule,
  partRules,
} from '../../abi/index.ts';
import { BTF_KIND, type Btf, type BtfType } from './btf.ts';
import { essentialName, isComposite, type KernelTypes } from './core-types.ts';

export type Part = {
  /** The context when absent. */
  readonly object?: (typeof OBJECT_KINDS)[number];
  readonly what: (typeof PARTS)[number];
  readonly to?: (typeof OBJECT_KINDS)[number];
  /** Bytes from the start of the object. */
  readonly offset: number;
  readonly end: number;
};

/** The kernel's own name of connections that it does not know yet; whatever else is `___` in one tells variants of a struct apart. */
const NEW_CONNECTION = 'nf_conn___init';
const nameOf = (name: string) => (name === NEW_CONNECTION ? name : essentialName(name));

/** Types by what their names are before `___`. */
const structsOf = (btf: Btf): ReadonlyMap<string, readonly BtfType[]> => {
  const wanted = new Set(partRules.map(({ struct }) => struct));
  const found = new Map<string, BtfType[]>();
  for (const type of btf.types) {
    if (type.kind !== BTF_KIND.struct) continue;
    const name = nameOf(btf.name(type));
    if (wanted.has(name)) found.set(name, [...(found.get(name) ?? []), type]);
  }
  return found;
};

const known = new WeakMap<Btf, ReturnType<typeof structsOf>>();

/** The struct of this name: where the types of an object have several, it says nothing which one an instruction is of. */
const structNamed = (btf: Btf, name: string): BtfType | undefined => {
  const structs = known.get(btf) ?? structsOf(btf);
  known.set(btf, structs);
  const [struct, ...more] = structs.get(name) ?? [];
  return more.length === 0 ? struct : undefined;
};

type Place = { readonly offset: number; readonly type: BtfType; readonly id: number };

/** A member, in unnamed structs and unions too; no type is searched again that does not have it. */
const memberOf = (
  btf: Btf,
  struct: BtfType,
  name: string,
  searched = new Set<BtfType>(),
): Place | undefined => {
  if (!isComposite(struct.kind) || searched.has(struct)) return undefined;
  searched.add(struct);
  for (const { name: found, type: id, offset } of btf.members(struct)) {
    const type = btf.resolve(id);
    if (found === name) return { offset, type, id };
    const inner = found === '' ? memberOf(btf, type, name, searched) : undefined;
    if (inner) return { ...inner, offset: offset + inner.offset };
  }
  return undefined;
};

const rangeOf = (btf: Btf, rule: PartRule): { offset: number; end: number } | undefined => {
  const struct = structNamed(btf, rule.struct);
  if (!struct) return undefined;
  if (rule.field === '') return { offset: 0, end: struct.value };
  let place: Place = { offset: 0, type: struct, id: 0 };
  for (const name of rule.field.split('.')) {
    const inner = memberOf(btf, place.type, name);
    if (!inner) return undefined;
    place = { ...inner, offset: place.offset + inner.offset };
  }
  return { offset: place.offset, end: place.offset + btf.sizeOf(place.id) - (rule.without ?? 0) };
};

/** @throws ElfError with `bad_btf` */
const partsOfObjects = (types: Btf, type: LinuxType): Part[] =>
  partRules.flatMap((rule): Part[] => {
    if (rule.type !== undefined && rule.type !== type) return [];
    const range = rangeOf(types, rule);
    const { object, what, to } = rule;
    return range ? [{ object, what, ...(to ? { to } : {}), ...range }] : [];
  });

/** What is known to programs of this type and section. @throws ElfError with `bad_btf` */
export const partsOf = (
  btf: Btf | undefined,
  kernel: KernelTypes | undefined,
  type: LinuxType,
  section: string,
): Part[] => {
  const types = kernel?.btf ?? btf;
  return [...contextRulesAt(section), ...(types ? partsOfObjects(types, type) : [])];
};
