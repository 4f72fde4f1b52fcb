#pragma once
/* Neighbouring accesses joined as they are emitted. */

#include "bpf/jit/state.h"

/* Whether a load or store may have the word before as its neighbour: that accesses as much from the same base, or, before a store,
 * loads it. */
static inline bool has_neighbour(const struct jit *j, uint32_t word) {
    return j->words > j->barrier && j->words < j->capacity && !((j->out[j->words - 1] ^ word) & 0xfe8003e0u);
}

/* As emit_access() where it may. */
void emit_beside(struct jit *j, uint32_t word);

/* Adds a load or a store of one register, LDR, LDUR, STR or STUR without sign. Two that are neighbours become one of a pair, and
 * two zeros one of twice the size. */
static inline void emit_access(struct jit *j, uint32_t word) { (has_neighbour(j, word) ? emit_beside : emit)(j, word); }

/* As emit_beside() for a store whose register nobody reads afterwards: if it was loaded just before, and the same was done with
 * its neighbour before that, both are copied at once. */
void emit_last_beside(struct jit *j, uint32_t word);

/* Whether the access that was emitted last adds a constant to its base as well, behind itself or before, as it does then. */
bool try_count_along(struct jit *j, enum a64_reg rn, int64_t imm);
