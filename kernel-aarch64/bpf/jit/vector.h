#pragma once
/* Vector helpers (abi/vectors.ts) inside a program: as code made for the size when the verifier has proven it, else a call of
 * the routine for any size. */

#include "bpf/jit/state.h"

static inline bool is_vector(uint32_t id) { return id - VECTOR_ID_FIRST < VECTOR_COUNT; }

/* Whether the call in this slot becomes code in its place, which leaves r6..r9 and the return address alone. */
bool vector_is_inlined(const struct jit *j, uint32_t slot);

/* Arguments that the code for this slot reads, as register bits: counts that it knows are not among them. */
uint32_t vector_arguments(const struct jit *j, uint32_t slot);

/* The argument that is a plain number, 0 when there is none. When it is a constant, it need not be in its register. */
uint32_t vector_number(const struct jit *j, uint32_t slot);

/* Makes the code, with those arguments in their registers; the result is in x0. Changes x0..x4, x10..x17 and v0..v7,
 * v16..v31. */
void compile_vector(struct jit *j);
