#pragma once
/* The vector helpers in plain C, one element after the other: what the compiled ones are held against (abi/vectors.ts). */

#include "gen/abi_vectors.h"

/* Calls helper `id`, VECTOR_ID_FIRST and up; its result, 0 for those without one. The verifier has proven the memory. */
uint64_t interp_vector(uint32_t id, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);
