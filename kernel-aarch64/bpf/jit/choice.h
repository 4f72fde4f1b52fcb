#pragma once
#include "bpf/jit/state.h"

/* A conditional jump over `slot`, the only one that is compiled between it and its target: compiles both as a choice between two
 * values when they are one. live_out is set to what is live on either way. */
[[nodiscard]] bool try_choose(struct jit *j, struct insn insn, uint32_t slot);

/* Takes the branch back that a test ended with and leaves what it branched on in the flags. */
enum a64_cond branch_to_flags(struct jit *j);
