/** How large the context of a program is that attaches to a function of the kernel: by the kernel's types where they are at hand (kernel/bpf/btf.c, btf_ctx_access()). */
import { contextBytesAt, tracedAt, tracedBytes } from '../../abi/index.ts';
import { BTF_KIND, type Btf, type BtfType } from './btf.ts';
import type { KernelTypes } from './core-types.ts';

/** What a tracepoint hands over, behind a word of the kernel's own. */
const tracepointArguments = (btf: Btf, kernel: KernelTypes, name: string): number | undefined => {
  const [id] = kernel.candidates(`btf_trace_${name}`, BTF_KIND.typedef);
  const pointer = id === undefined ? undefined : btf.resolve(id);
  const prototype = pointer?.kind === BTF_KIND.ptr ? btf.resolve(pointer.value) : undefined;
  return prototype?.kind === BTF_KIND.func_proto ? Math.max(0, prototype.count - 1) : undefined;
};

const functionBytes = (btf: Btf, how: string, func: BtfType): number => {
  const { parameters, returns } = btf.prototypeOf(func);
  return tracedBytes(how, parameters.length, btf.resolve(returns).kind !== 0);
};

/** Undefined when nothing is known of it but the type of the program. @throws ElfError with `bad_btf` */
export const contextBytesOf = (section: string, kernel: KernelTypes | undefined): number | undefined => {
  const at = tracedAt(section);
  if (!at || !kernel) return contextBytesAt(section);
  const { btf } = kernel;
  if (at.how === 'tp_btf') {
    const count = tracepointArguments(btf, kernel, at.name);
    return count === undefined ? undefined : tracedBytes(at.how, count, false);
  }
  const func = btf.function(at.how === 'lsm' ? `bpf_lsm_${at.name}` : at.name);
  return func ? functionBytes(btf, at.how, func) : contextBytesAt(section);
};
