#pragma once
/* Loops that are entered behind their head, by a jump over it, as clang turns loops whose first turn is known to begin. */

#include "bpf/jit/branch.h"

/* Before such a loop, which begins behind the jump that is being compiled. Returns the slot that the jump goes to. May emit. */
uint32_t enter_loop(struct jit *j, uint32_t target);

/* Whether a label is a head that such a loop carries a value to in another home. */
static inline bool carries_back(const struct jit *j, uint32_t label) {
    return SELDOM(j->carried.last) && j->carried.active && label == j->carried.head;
}

/* A branch back to it, `except` as for settle_for_label(). */
void branch_carrying(struct jit *j, const struct test *t, uint32_t except);
