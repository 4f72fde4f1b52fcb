#pragma once
/* Loops of one block that count from a known number to a known number: several turns in a row, tested once. */

#include "bpf/jit/state.h"

/* At the head of a loop that is only fallen into: compiles it, or a part that must come before its label. Returns the slot to go
 * on at: `head` itself when nothing was done, the test of the loop when that is still to be compiled, or what follows it. */
uint32_t compile_counted_loop(struct jit *j, uint32_t head);

/* After the test: the head gets what word_of_insn is to hold of it. */
void finish_counted_loop(struct jit *j);
