#pragma once
/* Loops of one block that count from a known number to a known number: several turns in a row, tested once. */

#include "bpf/jit/state.h"

/* Longest block that is looked at. */
#define MOST_BLOCK 256u

/* Such a loop. */
struct counted {
    uint32_t head;
    uint32_t test; /* the slot that tests the counter */
    uint32_t end;  /* slot behind the loop */
    uint32_t counter; /* the register */
    uint64_t adds;    /* bit per slot from the head: it counts, and what it makes is below 2^32 */
    int64_t first, step, limit;
    uint32_t op;    /* the test that holds when another turn follows */
    uint64_t turns;
    uint32_t before; /* turns compiled ahead of the loop */
    uint32_t copies; /* turns in the loop; all of them when there is no loop left */
};

/* At the head of a loop that is only fallen into: compiles it, or a part that must come before its label. Returns the slot to go
 * on at: `head` itself when nothing was done, the test of the loop when that is still to be compiled, or what follows it. */
uint32_t compile_counted_loop(struct jit *j, uint32_t head);

/* One turn, without its tests; `entries` receives where its words are (copied.h). */
void compile_turn(struct jit *j, const struct counted *l, uint32_t turn, uint32_t *entries);

/* After the test: the head gets what word_of_insn is to hold of it. */
void finish_counted_loop(struct jit *j);
