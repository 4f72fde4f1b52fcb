/** What Linux' own tests of its verifier say of their programs, as bpf_misc.h has it: marks at functions, in an object's types. */
import { BTF_KIND, Btf } from '../../../ebpf/elf/btf.ts';
import { readElf } from '../../../ebpf/elf/file.ts';

export type Expected = 'accepted' | 'refused';

/** As the compiled programs are for: others' marks may not hold on it. */
const MACHINE = 'ARM64';

const isForOthers = (marks: readonly string[]): boolean => {
  const machines = marks.flatMap((mark) => /^comment:test_arch=(.+)$/.exec(mark)?.[1] ?? []);
  return machines.length > 0 && !machines.includes(MACHINE);
};

/** Of those that are for privileged users: others are judged by more than safety. A message alone is looked for where it is accepted. */
const verdictOf = (marks: readonly string[]): Expected | undefined => {
  const has = (what: string) => marks.some((mark) => mark.split('=')[0] === `comment:test_expect_${what}`);
  if (isForOthers(marks)) return undefined;
  if (has('failure')) return 'refused';
  return has('success') || has('msg') ? 'accepted' : undefined;
};

/** By the name of a function; those of which nothing is said are left out. @throws ElfError */
export const expectedOf = (object: Uint8Array): ReadonlyMap<string, Expected> => {
  const section = readElf(object).sections.find(({ name }) => name === '.BTF');
  if (!section) return new Map();
  const btf = new Btf(section.data);
  const marks = new Map<string, string[]>();
  for (const type of btf.types) {
    const target = type.kind === BTF_KIND.decl_tag ? btf.types[type.value] : undefined;
    if (target?.kind !== BTF_KIND.func) continue;
    const name = btf.name(target);
    marks.set(name, [...(marks.get(name) ?? []), btf.name(type)]);
  }
  return new Map(
    [...marks].flatMap(([name, of]) => {
      const verdict = verdictOf(of);
      return verdict ? [[name, verdict] as const] : [];
    }),
  );
};
