import { type Status, statusNamed } from '../../abi/index.ts';

export type ElfStatus =
  | 'not_elf'
  | 'not_bpf'
  | 'elf_truncated'
  | 'no_program'
  | 'unknown_section'
  | 'bad_relocation'
  | 'unresolved_symbol'
  | 'bad_map_definition'
  | 'bad_btf'
  | 'core_unsupported'
  | 'too_many_maps'
  | 'object_too_large'
  | 'btf_unsupported'
  | 'kfunc_unsupported'
  | 'legacy_load_no_int'
  | 'kernel_variable'
  | 'unknown_helper'
  | 'arena_unsupported'
  | 'struct_ops_unsupported'
  | 'global_unsupported';

/** Why an object was refused: a stable status, what exactly is wrong, and what to do about it. */
export class ElfError extends Error {
  readonly status: Status;
  readonly code: ElfStatus;
  readonly exit = 'bad_file';
  constructor(code: ElfStatus, what: string, options?: ErrorOptions) {
    const status = statusNamed(code);
    super(`${what}: ${status.sentence}`, options);
    this.name = 'ElfError';
    this.code = code;
    this.status = status;
  }
}
