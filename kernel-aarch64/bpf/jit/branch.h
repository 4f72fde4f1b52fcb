#pragma once
/* Conditional branches and the chains that complete them. */

#include "bpf/jit/value.h"

/* The test that no jump of eBPF has: (dst & src) == 0. */
#define OP_JCLEAR 0xe0u

/* One compare-and-branch: dst <op> src or constant, at a width. */
struct test {
    uint32_t op, dst, src, target;
    bool is_const;
    uint64_t imm; /* sign-extended, or cut to 32 bits */
    enum a64_width width;
};

/* chain.c: emits a branch whose distance is still 0, to a slot that may not have been compiled yet. */
void emit_branch(struct jit *j, uint32_t branch, uint32_t target);

/* Whether a TBZ to `target` is sure to reach, and its field can hold the link of the chain. */
bool tbz_reaches(const struct jit *j, uint32_t target);

/* Whether a branch that waits for its target is the only one that does. */
bool is_only_branch(uint32_t branch);

/* compare.c: branches on one bit; two instructions when the target may be too far for TBZ. */
void branch_on_bit(struct jit *j, enum a64_reg rt, uint32_t bit, bool if_set, uint32_t target);

/* compare.c: the test of a conditional jump of class JMP or JMP32. */
struct test test_of(const struct jit *j, struct insn insn, uint32_t target);

/* The test that holds when this one does not. */
uint32_t invert_test(uint32_t op);

/* Register of an operand at a width. May emit. */
enum a64_reg operand_reg(struct jit *j, uint32_t reg, enum a64_width width);

/* Emits the compare, if one is needed, and the branch. */
void emit_test(struct jit *j, const struct test *t);
