#pragma once
/* Loops that end when a counter reaches what does not change in them: while so many turns are left for sure, several run in a row
 * without a test, ahead of the loop itself, which does the rest. */

#include "bpf/jit/state.h"

/* At the head of a loop that is only fallen into: compiles such turns before it, when it is such a loop. */
void compile_ahead(struct jit *j, uint32_t head);

/* After the loop: its slots get what word_of_insn is to hold of the turns ahead of it. */
void finish_ahead(struct jit *j);
