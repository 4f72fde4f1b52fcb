#pragma once
/* Stretches of what is common, without leaving the loop: numbers that need not be known, loads and stores at known places. */

#include "bpf/checker/machine.h"

/* Steps from state.pc as machine_step() without tracking would, at most `limit` instructions: until one is not that simple, or
 * leads to a slot that has a place in `first`. Each has a plain form (structure.h). Returns how many, perhaps 0. */
uint64_t fast_steps(struct machine *m, const uint32_t *first, uint64_t limit);
