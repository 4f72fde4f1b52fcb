/** Whose registers probes and sampled events are handed (struct pt_regs): only the types say for which machine an object is. */
import type { LinuxType } from '../../abi/index.ts';
import { BTF_KIND, type Btf } from './btf.ts';

/** Bytes of struct pt_regs of arm64 in Linux 6.12, for objects that know its first part only. */
const ARM64_BYTES = 336;

const sizeOf = (types: Btf, name: string): number | undefined =>
  types.types.find((t) => t.kind === BTF_KIND.struct && t.count > 0 && types.name(t) === name)?.value;

/** Undefined where the types say of none: then they may be those of x86-64 or of arm64. */
export type Registers = { readonly bytes: number; readonly arm64: boolean } | undefined;

/** @throws ElfError with `bad_btf` */
export const registersOf = (types: Btf | undefined): Registers => {
  if (!types) return undefined;
  const bytes = sizeOf(types, 'pt_regs');
  if (sizeOf(types, 'user_pt_regs') !== undefined) return { bytes: bytes ?? ARM64_BYTES, arm64: true };
  return bytes === undefined ? undefined : { bytes, arm64: false };
};

/** The types that a program of this one may have, the likeliest first. */
export const typesWith = (
  registers: Registers,
  type: LinuxType,
): readonly [LinuxType, ...(readonly LinuxType[])] => {
  if (type !== 'perf_event') return [type];
  if (!registers) return ['perf_event', 'perf_event_arm64'];
  return [registers.arm64 ? 'perf_event_arm64' : 'perf_event'];
};

/** Bytes of a probe's context: of the machine that has more registers, where nothing says which. */
export const probedBytes = (registers: Registers, type: LinuxType): number | undefined =>
  type === 'kprobe' || type === 'kprobe_multi' ? (registers?.bytes ?? ARM64_BYTES) : undefined;
