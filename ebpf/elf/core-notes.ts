/** What a CO-RE relocation says of its instruction beside a number: by what Linux judges loads and numbers of types. */
import { BTF_KIND, type Btf } from './btf.ts';
import { CORE, type CoreRelocation } from './core.ts';
import { isComposite } from './core-types.ts';

/** As enum bpf_note in kernel-aarch64/bpf/program.h. */
export const NOTE = { untrusted: 1, noStruct: 2, perCpu: 4 } as const;

/** Linux has no trust in what is loaded from a union of several members (btf_struct_walk()). */
const leadsThroughUnion = (btf: Btf, { type, access }: CoreRelocation): boolean => {
  let at = btf.resolve(type);
  for (const index of access.split(':').slice(1).map(Number)) {
    if (isComposite(at.kind)) {
      if (at.kind === BTF_KIND.union && at.count > 1) return true;
      const member = btf.bits(at)[index];
      if (!member) return false;
      at = btf.resolve(member.type);
    } else if (at.kind === BTF_KIND.array) at = btf.resolve(btf.array(at).element);
    else return false;
  }
  return false;
};

/** @throws ElfError with `bad_btf` */
export const noteOfCore = (btf: Btf, relocation: CoreRelocation): number => {
  const { kind, type } = relocation;
  if (kind === CORE.byteOffset) return leadsThroughUnion(btf, relocation) ? NOTE.untrusted : 0;
  if (kind !== CORE.typeIdLocal && kind !== CORE.typeIdTarget) return 0;
  return isComposite(btf.resolve(type).kind) || btf.resolve(type).kind === 0 ? 0 : NOTE.noStruct;
};
