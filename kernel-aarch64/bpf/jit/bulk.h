#pragma once
/* Loops that copy, multiply or sum what lies side by side, as vector code for all their turns: what the vector helpers become
 * where their sizes are proven (vector.h), for programs that were written without them. */

#include "bpf/jit/unroll.h"

/* At the head of a loop that is only fallen into: compiles all of it, when it is such a loop. */
[[nodiscard]] bool compile_bulk_loop(struct jit *j, const struct counted *l);
