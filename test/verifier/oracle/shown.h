#pragma once
/* Programs that a board runs as they are, with inputs and what the interpreter made of them, as JSON lines for whoever has a
 * board: {"board":seed,"code":hex,"certificate":hex,"runs":[[memory before,memory after,r0],...]}, all in hex. */

#include "run.h"

/* Whether lines are printed at all. */
void shown_open(bool wanted);

/* Between these, a program runs RUNS times in the interpreter; false when a board would not run this one: it has a context or
 * maps, or calls helpers. */
[[nodiscard]] bool shown_begin(const struct claim *claim);
void shown_before(const struct claim *claim, uint32_t run);
void shown_after(const struct claim *claim, uint32_t run, uint64_t r0);
void shown_end(const struct claim *claim);
