#pragma once
/* Decision trees over a small number, as clang makes of a `switch` for eBPF: each compare halves the range, and mostly one bit
 * of the number already says on which side of it the number is. */

#include "bpf/jit/branch.h"

/* Puts what is known of a number in front of the slot that is being compiled, which a branch comes to; before its label is placed. */
void find_range(struct jit *j, bool falls);

/* A slot is come to by no branch as well. */
static inline void forget_range(struct jit *j, uint32_t slot) { j->ranges[slot % RANGES].slot = 0; }

/* Compiles a compare of a register that holds a number below 2^16 with a constant into a test of a bit, where one decides it;
 * otherwise returns false. Either way it notes what the number is on both ways. */
bool try_test_range(struct jit *j, const struct test *t, enum a64_reg rn);
