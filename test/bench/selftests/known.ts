/** Why programs are accepted that Linux' tests have refused, by function: found by reading them. */
const NEVER_NULL = 'the context is never null: what a run comes to is safe';
const CONSTANT_KEY =
  'an element of an array by a constant index within it is always there, as Linux 6.14 knows, too';
const MODULE = "only the types of the tests' module tell";

export const knownReasons: Readonly<Record<string, string>> = {
  iter_err_too_permissive2: CONSTANT_KEY,
  iter_err_too_permissive3: CONSTANT_KEY,
  correct_btf_id_check_size: MODULE,
  handle_tp_btf_nullable_bare1: MODULE,
  preempt_global_subprog_test: 'the global function does not sleep, of which later versions of Linux know',
  conditional_loop: NEVER_NULL,
  fill_of_different_pointers_stx: NEVER_NULL,
  fill_of_different_pointers_st: NEVER_NULL,
  fill_of_different_pointers_ldx: NEVER_NULL,
  packet_access_test17_pruning_alignment: 'the test asks for strict alignment, which no board needs',
  unchanged_for_jne_true_branch: 'what differs from a pointer that is null is not null',
  tc_uninit_mtu: 'the test has no right to read what lies on the stack; privileged programs may',
  addr_offset_to_skb_data: 'the number that was kept in half a slot of the stack is known',
};
