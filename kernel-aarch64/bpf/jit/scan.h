#pragma once
/* The pass over the program before code is made: jump targets, liveness, and what each function needs of a frame. */

#include "bpf/jit/state.h"

/* Fills j->slots with targets, entries, live registers and the place of r0. Linear: one pass back, in which each loop that is
 * in no other is walked as often as it takes, eight times at most. */
void scan_program(struct jit *j);

/* Describes the function that starts at `entry`: its end, frame and register homes. Linear in its length. */
void scan_function(struct jit *j, uint32_t entry);

/* Arguments that the helper called in this slot reads, as register bits. */
uint32_t helper_arguments(const struct jit *j, uint32_t slot);
