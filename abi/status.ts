/**
 * Every status code that crosses a boundary: kernel functions, link replies, verifier refusals.
 * Codes are stable: never renumber, only append. On the link they travel as SMP v2 error `rc` of group 64.
 */

export type Status = { readonly name: string; readonly code: number; readonly sentence: string };

const list = (first: number, rows: readonly (readonly [string, string])[]): Status[] =>
  rows.map(([name, sentence], i) => ({ name, code: first + i, sentence }));

/** General results; 0..13 keep the meaning of SMP's MGMT_ERR_* (mgmt_defines.h). */
export const generalStatuses: readonly Status[] = list(0, [
  ['ok', 'done'],
  ['unknown', 'an internal error without a better name; please report it with the log'],
  ['no_memory', 'a fixed pool is full; remove a module or map that is no longer needed'],
  ['invalid_argument', 'an argument is out of range; check the request against the reference'],
  ['timeout', 'the hardware did not answer in time; check the board and try again'],
  ['no_entry', 'there is no such entry; list what exists first'],
  ['bad_state', 'not possible in the present state; read the state and try again'],
  ['too_long', 'the reply does not fit the buffer; ask for less at a time'],
  ['not_supported', 'this command is not supported by this build'],
  ['corrupt', 'the data is damaged; send it again'],
  ['busy', 'the board is busy with an earlier request; try again'],
  ['access_denied', 'this is not allowed'],
  ['protocol_too_old', 'the host speaks an older protocol than the board; update the host'],
  ['protocol_too_new', 'the host speaks a newer protocol than the board; flash the board'],
]);

/** Link, staging and patch admission. */
export const patchStatuses: readonly Status[] = list(256, [
  [
    'abi_mismatch',
    'host and board were built from different contracts; flash the board or use the matching host',
  ],
  ['stage_hash', 'the staged bytes do not hash to what was announced; stage them again'],
  ['not_cose', 'the patch is not a COSE_Sign1 structure; build it with `velocity module load`'],
  ['bad_algorithm', 'the patch is signed with another algorithm than Ed25519; sign it with the board key'],
  [
    'bad_signature',
    'the signature does not match: a bit was changed or another key signed it; sign with the key this board was built with',
  ],
  ['no_key', 'this image was built without a public key, so it accepts no patch; build it with a key'],
  ['bad_patch', 'the signed payload is not a well-formed patch; build it with this release'],
  ['wrong_board', 'the patch is for another board class; build it for this one'],
  ['replayed', 'this sequence number was used already; sign a new patch with a higher one'],
  [
    'older_sequence',
    'the sequence number is older than the newest accepted; sign a new patch with a higher one',
  ],
  [
    'wrong_parent',
    'the patch replaces another version than the one running; rebase it on the running version',
  ],
  ['unknown_hook', 'the board has no such hook; list the hooks with `velocity module list`'],
  ['slots_full', 'every slot of this hook is taken; remove a module first'],
  ['over_budget', 'the proven bound is above the budget of this hook; make the worst case shorter'],
  ['bound_mismatch', 'the bound in the patch is lower than the one the board proved; build the patch again'],
  ['map_shape', 'a map of this name exists with another shape; rename it or remove the module that owns it'],
  ['pool_full', 'the pool for code or maps is full; remove a module first'],
  ['jit_too_large', 'the compiled program is larger than one code slot; split the module'],
  ['no_previous', 'there is no earlier version to go back to'],
  ['canary_running', 'a canary is being watched on this slot; wait for its verdict or roll it back'],
  ['module_fault', 'the module faulted while running and was unwound; read the evidence'],
  ['canary_slower', 'the canary ran slower than its predecessor by more than the allowed ratio'],
  ['canary_over_budget', 'the canary ran over its cycle budget'],
  ['canary_disagreed', 'the canary returned another result than its predecessor for the same input'],
  ['requested', 'asked for by the host'],
  ['superseded', 'replaced by a newer version'],
  ['proof_policy', 'the policy of this board does not take patches with this kind of proof from this key'],
  ['wrong_boot', 'the patch was signed for another start of this board; read `info` and sign it again'],
  ['unknown_key', 'no key of this board has this id; sign with one that `velocity keys board` lists'],
  ['revoked_key', 'this key was revoked; sign with another one that `velocity keys board` lists'],
  ['key_role', 'the policy does not let this key sign such a thing; sign with a key that may'],
  ['not_signed', 'the policy takes this from signed commands only; name a key with --key'],
  ['module_forbidden', 'the policy does not let this key change a module of this name'],
  ['hook_forbidden', 'the policy does not let this key use this hook'],
  ['helper_forbidden', 'the policy does not let programs of this key call this helper'],
  [
    'budget_forbidden',
    'the proven bound is above what the policy gives this key; make the worst case shorter',
  ],
  ['cores_forbidden', 'the policy does not let this key use these cores'],
  ['rate_limited', 'this key has made as many swaps within an hour as the policy gives it; wait'],
  ['bad_policy', 'the policy of this image is damaged, so it accepts nothing signed; flash it again'],
  ['bad_command', 'the signed payload is not a well-formed command; sign it with this release'],
  [
    'no_storage',
    'this board has no medium for images; see docs/how-to.md, "Update the kernel over the line"',
  ],
  ['bad_image', 'the update is damaged or not for this board; make it with this release'],
  ['image_root', 'the image is not the one that was signed; make the update again'],
  ['module_runaway', 'the module did not end and its code was taken away; read the evidence'],
  ['period_forbidden', 'the policy does not let this key set so short a period of the timer hook'],
  [
    'upload_taken',
    'another upload took the place of this one; have no second program upload to this board meanwhile, and send it again',
  ],
  ['map_forbidden', 'the policy does not let programs of this key hold a map of this name'],
]);

/** Reasons why the verifier refuses a program. Each names one rule of RFC 9669 or of the kernel's documentation. */
export const verifierStatuses: readonly Status[] = list(512, [
  ['empty_program', 'the program has no instructions'],
  ['program_too_long', 'the program has more instructions than one may have; split it'],
  ['bad_opcode', 'this opcode is not defined by RFC 9669'],
  [
    'unsupported_instruction',
    'this instruction is defined but not supported here; compile with another -mcpu or rewrite it',
  ],
  ['reserved_field', 'a field that must be zero is not; the encoder is wrong'],
  ['bad_register', 'the instruction names a register above r10'],
  ['frame_pointer_write', 'r10 is read-only; use another register'],
  ['jump_out_of_program', 'the jump leaves the program'],
  ['jump_into_ld_imm64', 'the jump lands in the second half of a 64-bit load'],
  ['incomplete_ld_imm64', 'the second half of a 64-bit load is missing or malformed'],
  ['falls_off_end', 'execution runs past the last instruction; end every path with exit'],
  ['uninitialised_register', 'the register is read before it is written on this path; set it first'],
  ['uninitialised_stack', 'stack bytes are read before they are written on this path; initialise them'],
  ['stack_out_of_bounds', 'the access lies outside the 512-byte stack frame'],
  ['misaligned_access', 'the access is not aligned to its size; align the offset'],
  [
    'pointer_arithmetic',
    'this arithmetic on a pointer is not allowed; only add or subtract a bounded number',
  ],
  ['pointer_arithmetic_32', '32-bit arithmetic on a pointer truncates it; use 64-bit arithmetic'],
  ['pointer_comparison', 'these pointers cannot be compared; compare offsets instead'],
  ['pointer_leak', 'a pointer would leave the program as a number; store or return a number instead'],
  ['not_a_pointer', 'the register used as an address is a number, not a pointer'],
  ['null_dereference', 'the pointer may be null here; compare it with 0 and branch first'],
  ['null_arithmetic', 'the pointer may be null here; check it before arithmetic'],
  ['context_out_of_bounds', 'the access lies outside the context of this hook'],
  [
    'context_bad_access',
    'the access does not match one field of the context; read each field whole, at its offset',
  ],
  ['context_read_only', 'this context field is read-only'],
  ['context_modified', 'the context pointer must be used unmodified here; pass r1 as it came in'],
  ['map_value_out_of_bounds', 'the access may lie outside the map value; bound the index first'],
  ['map_read_only', 'this map is read-only for programs'],
  ['packet_out_of_bounds', 'the access may lie beyond data_end; compare with data_end and branch first'],
  ['memory_out_of_bounds', 'the access may lie outside the memory region; bound the index first'],
  ['memory_read_only', 'this memory is read-only'],
  [
    'unbounded_offset',
    'the offset added to the pointer has no useful bound; compare it with a constant first',
  ],
  ['unknown_map', 'the program refers to a map that it does not declare'],
  ['unknown_helper', 'programs of this type have no such helper; call another one'],
  ['helper_argument', 'an argument of the helper call has the wrong type'],
  [
    'helper_memory',
    'the memory passed to the helper is too small, out of bounds or not written throughout, padding of a struct included',
  ],
  ['unknown_function', 'the call target is not a function of this program'],
  ['call_too_deep', 'calls nest deeper than 8 frames'],
  ['recursion', 'the function calls itself, directly or through others'],
  ['stack_too_deep', 'the frames of nested calls together exceed the stack; use smaller frames'],
  ['unbounded_loop', 'the loop is not proven to end; give it a counter with a constant bound'],
  [
    'budget_exceeded',
    'verification ran over its budget; simplify the program or bound its loops more tightly',
  ],
  ['too_many_states', 'the program needs more states than the workspace holds; simplify its branches'],
  ['bad_exit_value', 'at exit r0 must hold a number that this hook may return'],
  ['unreachable_instruction', 'the instruction cannot be reached; remove it'],
  ['atomic_on_wrong_memory', 'atomics work on stack, map values and plain memory only'],
  ['atomic_bad_operation', 'this atomic operation is not defined by RFC 9669'],
  ['bad_certificate', 'the certificate does not prove this program safe'],
  [
    'reference_leak',
    'what was acquired must be released on every path before the program ends; release it first',
  ],
  [
    'mixed_pointers',
    'one instruction accesses the context or an object on one path and other memory on another; give each its own instruction',
  ],
  [
    'bad_immediate',
    'Linux refuses a division by 0 and a shift by the width or more when the number is in the instruction; use another number',
  ],
  [
    'helper_overlap',
    'a buffer that the helper writes may overlap one that it reads; keep them apart at known offsets or in different maps',
  ],
  ['kernel_field', 'the kernel keeps this field of the map value; reach it through its helpers only'],
  ['use_after_release', 'what was released is no longer there; use it before it is released'],
  [
    'stale_packet',
    'a helper may have changed the packet since; read data and data_end again after it, and compare',
  ],
  [
    'function_argument',
    'Linux calls a global function by the types of its arguments only; pass what they say, or make the function static',
  ],
]);

/** ELF loading on the host. */
export const elfStatuses: readonly Status[] = list(768, [
  ['not_elf', 'the file is not an ELF object; compile with clang --target=bpf -c'],
  ['not_bpf', 'the ELF is for another machine than eBPF; compile with clang --target=bpf'],
  ['elf_truncated', 'the ELF is cut short or its tables point outside the file; build it again'],
  [
    'no_program',
    'the ELF holds no program section; put functions in SEC("timer") or SEC("packet"), for Linux in one like SEC("xdp")',
  ],
  ['unknown_section', 'no hook matches this section name'],
  ['bad_relocation', 'a relocation is of an unsupported kind or points nowhere'],
  [
    'unresolved_symbol',
    'a symbol is used but not defined in this object; define it, or link the objects first',
  ],
  [
    'bad_map_definition',
    'a map definition is incomplete or not understood; see the map section of the reference',
  ],
  ['bad_btf', 'the BTF section is damaged; build the object again'],
  [
    'core_unsupported',
    'what CO-RE asks for is not known here; name the kernel with --btf, or ask first with bpf_core_field_exists()',
  ],
  ['too_many_maps', 'the program uses more maps than one may; join some'],
  ['object_too_large', 'the object holds more than is taken at once; split it'],
  [
    'btf_unsupported',
    'the types (BTF) that this program is judged by are missing or not understood; compile with -g',
  ],
  [
    'kfunc_unsupported',
    'what this function of the kernel takes and gives is not known here; call a helper or another function',
  ],
  [
    'legacy_load_no_int',
    'Linux lets only functions that return an int read the packet by legacy loads, which may end them; make it return one',
  ],
  [
    'kernel_variable',
    'this variable of the kernel is not known; programs may ask for structs and numbers that each processor has, with bpf_per_cpu_ptr(), and read others with bpf_probe_read_kernel()',
  ],
  [
    'arena_unsupported',
    'the board has no arenas, and Linux one for a program, in a map of that type; keep the data in a map or in a global variable',
  ],
  [
    'global_unsupported',
    'Linux judges a global function by itself, by types that it must take; make the function static',
  ],
  [
    'struct_ops_unsupported',
    'Linux has no such struct of functions for programs, or not this member; name it in a struct in SEC(".struct_ops.link"), and let programs sleep only where the member may',
  ],
]);

export const statuses: readonly Status[] = [
  ...generalStatuses,
  ...patchStatuses,
  ...verifierStatuses,
  ...elfStatuses,
];

const byCode = new Map(statuses.map((s) => [s.code, s]));
const byName = new Map(statuses.map((s) => [s.name, s]));

/** The status with this code; an unknown code is itself a status, so that old hosts can print new codes. */
export const statusOf = (code: number): Status =>
  byCode.get(code) ?? { name: `status_${code}`, code, sentence: 'unknown to this host; update it' };

/** @throws RangeError when no status has this name: a bug in the caller, not in its input. */
export const statusNamed = (name: string): Status => {
  const found = byName.get(name);
  if (!found) throw new RangeError(`no status is named ${name}`);
  return found;
};
