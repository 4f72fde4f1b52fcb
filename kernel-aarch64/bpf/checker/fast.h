#pragma once
/* Stretches of what is common, without leaving the loop: numbers that need not be known, simple ones that must be, loads and
 * stores at places of known range. */

#include "bpf/checker/machine.h"

/* Steps from state.pc as machine_step() would, at most `limit` instructions: until one is not that simple, or leads to a slot
 * that has a place in `first`, or was a jump, by condition only on numbers that need not be known: then *parts, and state.pc
 * follows it.
 * `track` is of the first one; the others are not tracked. Each has a plain form (structure.h). Returns how many, perhaps 0. */
uint64_t fast_steps(struct machine *m, const uint32_t *first, uint64_t limit, bool track, bool *parts);
