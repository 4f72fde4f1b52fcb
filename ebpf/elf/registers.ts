/** Whose registers probes and sampled events are handed (struct pt_regs): only the types say for which machine an object is. */
import type { LinuxType } from '../../abi/index.ts';
import { BTF_KIND, type Btf } from './btf.ts';

/** Bytes of struct pt_regs of arm64 in Linux 6.12, for objects that know its first part only. */
const ARM64_BYTES = 336;

const sizeOf = (types: Btf, name: string): number | undefined =>
  types.types.find((t) => t.kind === BTF_KIND.struct && t.count > 0 && types.name(t) === name)?.value;

/** Undefined where the types say of none: then they are those of x86-64. */
export type Registers = { readonly bytes: number; readonly arm64: boolean } | undefined;

/** @throws ElfError with `bad_btf` */
export const registersOf = (types: Btf | undefined): Registers => {
  if (!types) return undefined;
  const bytes = sizeOf(types, 'pt_regs');
  if (sizeOf(types, 'user_pt_regs') !== undefined) return { bytes: bytes ?? ARM64_BYTES, arm64: true };
  return bytes === undefined ? undefined : { bytes, arm64: false };
};

export const typeWith = (registers: Registers, type: LinuxType): LinuxType =>
  type === 'perf_event' && registers?.arm64 ? 'perf_event_arm64' : type;

/** Bytes of a probe's context. */
export const probedBytes = (registers: Registers, type: LinuxType): number | undefined =>
  type === 'kprobe' || type === 'kprobe_multi' ? registers?.bytes : undefined;
