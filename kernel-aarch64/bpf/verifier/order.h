#pragma once
/* The order in which states at different places are walked. */

#include "bpf/verifier/engine.h"

/* Numbers the jump targets of each function so that every loop is contiguous, its head first, and all else comes after what
 * leads to it (a weak topological order); marks the conditional jumps that leave a loop. */
[[nodiscard]] enum status compute_order(struct verifier *v);

enum { PLACE_PARTS = 15 };

/* Orders states: outermost function first; in it loop by loop, turn by turn, then by point. What is more than there is room for is
 * left out. */
struct place {
    uint32_t length;
    uint32_t parts[PLACE_PARTS];
};

static inline void place_copy(struct place *to, const struct place *from) {
    to->length = from->length;
    for (uint32_t i = 0; i < from->length; i++) { to->parts[i] = from->parts[i]; }
}

void state_place(const struct verifier *v, const struct state *s, struct place *place);
/* Whether places and the counts of turns tell all turns apart of the loops around the state in its first so many frames. */
bool place_tells_turns(const struct verifier *v, const struct state *s, uint32_t frames);
int32_t place_compare(const struct place *a, const struct place *b);

/* The state has gone from its last point to the one at s->pc: counts turns of loops. True when it came back to the head of
 * a loop. */
bool enter_point(const struct verifier *v, struct state *s);
