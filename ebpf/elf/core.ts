/** What a CO-RE relocation comes to on a given kernel (libbpf's rules, relo_core.c; enum bpf_core_relo_kind). */
import { BTF_KIND, type Btf, type BtfBits, type BtfType } from './btf.ts';
import { typesCompatible, typesMatch } from './core-match.ts';
import { essentialName, isComposite, isEnum, type KernelTypes } from './core-types.ts';
import { ElfError } from './error.ts';

export const CORE = {
  byteOffset: 0,
  byteSize: 1,
  fieldExists: 2,
  signed: 3,
  leftShift: 4,
  rightShift: 5,
  typeIdLocal: 6,
  typeIdTarget: 7,
  typeExists: 8,
  typeSize: 9,
  enumExists: 10,
  enumValue: 11,
  typeMatches: 12,
} as const;

/** A relocation as the object has it. */
export type CoreRelocation = {
  readonly kind: number;
  /** Local type that the access starts from. */
  readonly type: number;
  /** Numbers of elements, members and enumerators, joined by `:`. */
  readonly access: string;
};

/** The value for the instruction, and bytes of the field where it is an offset; or what the kernel does not have. */
export type CoreResult =
  | { readonly value: bigint; readonly bytes?: number; readonly localBytes?: number }
  | { readonly missing: string };

const MAX_DEPTH = 64;

const bad = (what: string) => new ElfError('bad_btf', `CO-RE: ${what}`);

/** One step from a type into it: to an element, or to a member. */
type Step = { readonly index: number; readonly member?: BtfBits };

/** Where a path ends. */
type Place = { readonly type: number; readonly bits: number; readonly bitfield: number };

const numbers = (access: string): number[] => {
  const parts = access.split(':').map(Number);
  if (parts.length > MAX_DEPTH || parts.some((n) => !Number.isSafeInteger(n) || n < 0 || n > 1 << 24))
    throw bad(`access ${access}`);
  return parts;
};

/** The local path: steps, and a name for people. */
const pathOf = (btf: Btf, { type, access }: CoreRelocation) => {
  const [first = 0, ...rest] = numbers(access);
  const steps: Step[] = [{ index: first }];
  let name = btf.name(btf.type(type)) || '(unnamed)';
  let place: Place = { type, bits: first * 8 * btf.sizeOf(type), bitfield: 0 };
  for (const index of rest) {
    const at = btf.resolve(place.type);
    if (isComposite(at.kind)) {
      const member = btf.bits(at)[index];
      if (!member) throw bad(`${name} has no member ${index}`);
      if (member.name !== '') name += `.${member.name}`;
      steps.push({ index, member });
      place = { type: member.type, bits: place.bits + member.bits, bitfield: member.bitfield };
    } else if (at.kind === BTF_KIND.array) {
      const { element } = btf.array(at);
      name += `[${index}]`;
      steps.push({ index });
      place = { type: element, bits: place.bits + index * 8 * btf.sizeOf(element), bitfield: 0 };
    } else throw bad(`${name} has no parts`);
  }
  return { steps, name, place };
};

/** The member of this name, in unnamed structs and unions too. */
const memberNamed = (btf: Btf, type: BtfType, name: string, depth = 0): Place | undefined => {
  if (depth > MAX_DEPTH || !isComposite(type.kind)) return undefined;
  for (const m of btf.bits(type)) {
    if (m.name === name) return { type: m.type, bits: m.bits, bitfield: m.bitfield };
    if (m.name !== '') continue;
    const inner = memberNamed(btf, btf.resolve(m.type), name, depth + 1);
    if (inner) return { ...inner, bits: inner.bits + m.bits };
  }
  return undefined;
};

/** Whether a field of the one type may be read as one of the other. */
const fieldsAlike = (local: Btf, a: number, kernel: Btf, b: number, depth = 0): boolean => {
  const [x, y] = [local.resolve(a), kernel.resolve(b)];
  if (isComposite(x.kind) && isComposite(y.kind)) return true;
  if (isEnum(x.kind) && isEnum(y.kind)) return true;
  if (x.kind !== y.kind || depth > MAX_DEPTH) return false;
  if (x.kind !== BTF_KIND.array)
    return x.kind === BTF_KIND.ptr || x.kind === BTF_KIND.int || x.kind === BTF_KIND.float;
  return fieldsAlike(local, local.array(x).element, kernel, kernel.array(y).element, depth + 1);
};

/** Follows the local path from a type of the kernel; undefined when it does not lead through. */
const follow = (local: Btf, steps: readonly Step[], kernel: Btf, root: number): Place | undefined => {
  const [first, ...rest] = steps;
  let place: Place = { type: root, bits: first!.index * 8 * kernel.sizeOf(root), bitfield: 0 };
  for (const { index, member } of rest) {
    const at = kernel.resolve(place.type);
    if (member) {
      if (member.name === '') continue; // its members are looked for by their names
      const found = memberNamed(kernel, at, member.name);
      if (!found || !fieldsAlike(local, member.type, kernel, found.type)) return undefined;
      place = { ...found, bits: place.bits + found.bits };
    } else {
      if (at.kind !== BTF_KIND.array) return undefined;
      const { element, count } = kernel.array(at);
      if (count !== 0 && index >= count) return undefined;
      place = { type: element, bits: place.bits + index * 8 * kernel.sizeOf(element), bitfield: 0 };
    }
  }
  return place;
};

/** The bytes that hold a field; of a bitfield, those that one load reads. */
const bytesOf = (btf: Btf, { type, bits, bitfield }: Place) => {
  let size = btf.sizeOf(type);
  if (bitfield === 0) return { offset: Math.floor(bits / 8), size, width: 8 * size };
  const start = () => Math.floor(bits / 8 / size) * size;
  while (bits + bitfield - 8 * start() > 8 * size) {
    if (size >= 8) throw bad('a bitfield lies in more than eight bytes');
    size *= 2;
  }
  return { offset: start(), size, width: bitfield };
};

const fieldValue = (btf: Btf, kind: number, place: Place): bigint => {
  const { offset, size, width } = bytesOf(btf, place);
  switch (kind) {
    case CORE.byteOffset:
      return BigInt(offset);
    case CORE.byteSize:
      return BigInt(size);
    case CORE.signed:
      return btf.isSigned(btf.resolve(place.type)) ? 1n : 0n;
    case CORE.leftShift:
      return BigInt(64 - (place.bits + width - 8 * offset));
    case CORE.rightShift:
      return BigInt(64 - width);
    default:
      return 1n;
  }
};

/** The one value that all candidates give. @throws ElfError when they give several. */
const agreed = <T>(name: string, results: readonly T[], key: (result: T) => unknown): T | undefined => {
  if (new Set(results.map(key)).size > 1)
    throw new ElfError(
      'core_unsupported',
      `${name} is there several times in this kernel, each time another`,
    );
  return results[0];
};

const resolveField = (local: Btf, kernel: KernelTypes, relocation: CoreRelocation): CoreResult => {
  const { kind, type } = relocation;
  const { steps, name, place } = pathOf(local, relocation);
  const root = local.type(type);
  const places = kernel
    .candidates(local.name(root), root.kind)
    .map((id) => follow(local, steps, kernel.btf, id))
    .filter((p) => p !== undefined);
  if (kind === CORE.fieldExists) return { value: places.length > 0 ? 1n : 0n };
  const found = agreed(name, places, (p) => fieldValue(kernel.btf, kind, p));
  if (!found) return { missing: name };
  const value = fieldValue(kernel.btf, kind, found);
  if (kind !== CORE.byteOffset) return { value };
  return { value, bytes: bytesOf(kernel.btf, found).size, localBytes: bytesOf(local, place).size };
};

const resolveType = (local: Btf, kernel: KernelTypes, { kind, type }: CoreRelocation): CoreResult => {
  if (kind === CORE.typeIdLocal) return { value: BigInt(type) };
  const root = local.type(type);
  const name = local.name(root);
  const fits = kind === CORE.typeMatches ? typesMatch : typesCompatible;
  const named = name === '' ? [] : kernel.candidates(name, root.kind);
  const ids = named.filter((id) => fits(local, type, kernel.btf, id));
  if (kind === CORE.typeExists || kind === CORE.typeMatches) return { value: ids.length > 0 ? 1n : 0n };
  const numberOf = (id: number) => BigInt(kind === CORE.typeSize ? kernel.btf.sizeOf(id) : id);
  const found = agreed(name, ids.map(numberOf), (value) => value);
  return { value: found ?? 0n }; // 0 stands for a type that is not there
};

const resolveEnum = (local: Btf, kernel: KernelTypes, { kind, type, access }: CoreRelocation): CoreResult => {
  const root = local.resolve(type);
  const wanted = isEnum(root.kind) ? local.enumerators(root)[numbers(access)[0]!] : undefined;
  if (!wanted) throw bad(`there is no enumerator ${access} of type ${type}`);
  const start = local.type(type);
  const values = kernel
    .candidates(local.name(start), start.kind)
    .map((id) => kernel.btf.resolve(id))
    .filter((t) => isEnum(t.kind))
    .flatMap((t) => kernel.btf.enumerators(t))
    .filter((e) => essentialName(e.name) === essentialName(wanted.name))
    .map((e) => e.value);
  if (kind === CORE.enumExists) return { value: values.length > 0 ? 1n : 0n };
  const found = agreed(wanted.name, values, (value) => value);
  return found === undefined ? { missing: wanted.name } : { value: found };
};

/** @throws ElfError when the relocation makes no sense, or may mean several things. */
export const resolveCore = (local: Btf, kernel: KernelTypes, relocation: CoreRelocation): CoreResult => {
  const { kind } = relocation;
  if (kind <= CORE.rightShift) return resolveField(local, kernel, relocation);
  if (kind <= CORE.typeSize || kind === CORE.typeMatches) return resolveType(local, kernel, relocation);
  if (kind <= CORE.enumValue) return resolveEnum(local, kernel, relocation);
  throw new ElfError('core_unsupported', `a relocation of kind ${kind}`);
};
