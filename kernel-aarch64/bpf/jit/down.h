#pragma once
/* Loops that count from 0 up to a register, for nothing but to know when they end: they count down from it, and the flags of that
 * are the test. */

#include "bpf/jit/branch.h"

/* Before a loop, whose head this is, is entered from here and only from here: its counter becomes what it counts to. May emit. */
void count_down(struct jit *j, uint32_t head);

/* In place of the test of such a loop: counts and branches. */
void emit_countdown(struct jit *j, const struct test *t);
