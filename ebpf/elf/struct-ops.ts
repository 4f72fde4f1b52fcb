/** What programs of `struct_ops` sections implement: members of structs of functions that the object defines (libbpf, bpf_object__collect_st_ops_relos()). */
import { type Handed, maySleep, type StructRules, structRules } from '../../abi/index.ts';
import { BTF_KIND, type Btf, type BtfMember, type BtfType } from './btf.ts';
import { Bytes } from './bytes.ts';
import type { CodeRange } from './code-range.ts';
import type { Context } from './context.ts';
import { essentialName } from './core-types.ts';
import { ElfError } from './error.ts';
import type { ElfObject, Relocation, Section } from './file.ts';

export type Implemented = {
  readonly rules: StructRules;
  readonly struct: string;
  readonly member: string;
  /** By argument. */
  readonly handed: readonly Handed[];
  /** The member returns nothing. */
  readonly silent: boolean;
};

const bad = (what: string) => new ElfError('struct_ops_unsupported', what);

const isStructSection = (section: Section) => /^\??\.struct_ops(\.link)?$/.test(section.name);

type Use = { readonly struct: BtfType; readonly member: BtfMember };

/** The variable of the section that holds this byte, and its member there. */
const useAt = (object: ElfObject, btf: Btf, section: Section, offset: number): Use | undefined => {
  for (const variable of btf.placed(section.name, object.symbols.get(section.index))) {
    const struct = btf.resolve(variable.type);
    if (struct.kind !== BTF_KIND.struct || offset < variable.offset) continue;
    const member = btf.members(struct).find((m) => variable.offset + m.offset === offset);
    if (member && offset < variable.offset + struct.value) return { struct, member };
  }
  return undefined;
};

const goesTo = (section: Section, offset: number, { symbol }: Relocation, f: CodeRange) => {
  const addend = new Bytes(section.data, section.name).offset(offset);
  return symbol.section === f.section.index && symbol.value + addend === f.offset;
};

const usesOf = ({ object }: Context, btf: Btf, f: CodeRange): Use[] =>
  object.sections
    .filter(isStructSection)
    .flatMap((section) =>
      [...(object.relocations.get(section.index) ?? [])]
        .filter(([offset, relocation]) => goesTo(section, offset, relocation, f))
        .flatMap(([offset]) => useAt(object, btf, section, offset) ?? []),
    );

const isNumber = ({ kind }: BtfType) =>
  kind === BTF_KIND.int || kind === BTF_KIND.enum || kind === BTF_KIND.enum64;

/** The member's own parameters: btf_ctx_access() judges by nothing else. */
const handedBy = (btf: Btf, id: number, rules: StructRules, mayBeNull: boolean): Handed => {
  const type = btf.resolve(id);
  if (isNumber(type)) return 'number';
  if (type.kind !== BTF_KIND.ptr) throw bad('an argument is neither a number nor a pointer');
  const to = btf.resolve(type.value);
  if (to.kind === 0 || isNumber(to)) return 'number'; // nothing follows such addresses
  const what = rules.objects[essentialName(btf.name(to))] ?? 'address';
  if (!mayBeNull) return what;
  if (what !== 'task' && what !== 'dummy_state')
    throw bad('an argument that may be null is of an unknown type');
  return `${what}_or_null`;
};

const implementedBy = (context: Context, f: CodeRange, { struct, member }: Use): Implemented => {
  const ours = context.mapTypes.btf!;
  const name = essentialName(ours.name(struct));
  const rules = structRules(name);
  if (!rules) throw bad(`programs can't implement struct ${name}`);
  const kernel = context.kernel;
  const [id] = kernel?.candidates(name, BTF_KIND.struct) ?? [];
  if (kernel && id === undefined) throw bad(`the kernel has no struct ${name}`);
  const [btf, theirs] =
    kernel && id !== undefined
      ? [kernel.btf, kernel.btf.members(kernel.btf.type(id)).find((m) => m.name === member.name)]
      : [ours, member];
  const pointer = theirs && btf.resolve(theirs.type);
  const proto = pointer?.kind === BTF_KIND.ptr ? btf.resolve(pointer.value) : undefined;
  if (!rules.members.has(member.name) || proto?.kind !== BTF_KIND.func_proto)
    throw bad(`programs can't implement ${member.name} of struct ${name}`);
  if (maySleep(f.section.name) && rules.sleeping?.has(member.name) === false)
    throw bad(`${member.name} of struct ${name} can't sleep`);
  const nullable = rules.nullable[member.name] ?? [];
  const { parameters, returns } = btf.prototypeOf({ ...proto, value: pointer!.value });
  return {
    rules,
    struct: name,
    member: member.name,
    handed: parameters.map((parameter, i) => handedBy(btf, parameter, rules, nullable.includes(i))),
    silent: btf.resolve(returns).kind === 0,
  };
};

/** @throws ElfError with `struct_ops_unsupported` when nothing says what it implements, or Linux does not let programs do so. */
export const implementedIn = (context: Context, f: CodeRange): Implemented => {
  const { btf } = context.mapTypes;
  if (!btf) throw bad('without BTF nothing is known of its structs');
  const [use, ...more] = usesOf(context, btf, f);
  if (!use) throw bad(`no struct in a section .struct_ops has ${f.name} as a member`);
  const nameOf = ({ struct, member }: Use) => `${essentialName(btf.name(struct))}.${member.name}`;
  if (more.some((other) => nameOf(other) !== nameOf(use))) throw bad(`${f.name} stands for several members`);
  return implementedBy(context, f, use);
};
