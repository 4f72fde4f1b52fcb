#pragma once
/* The vector helpers in plain C, one element after the other: what the compiled ones are held against (abi/vectors.ts). */

#include "gen/abi_vectors.h"

/* Calls helper `id`, VECTOR_ID_FIRST and up; its result, 0 for those without one. The verifier has proven the memory. */
uint64_t interp_vector(uint32_t id, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);

/*
 * The most A64 instructions that a call with these registers executes. For all helpers but two this is what the call adds to the
 * bound of its program; those that search count only as far as they look. Before the call, which may change what they look at.
 */
uint64_t interp_vector_cost(uint32_t id, const uint64_t regs[11]);
