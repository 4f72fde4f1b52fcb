#pragma once
/* Neighbouring accesses joined as they are emitted. */

#include "bpf/jit/state.h"

/* Adds a load or a store of one register, LDR, LDUR, STR or STUR without sign. Two that are neighbours become one of a pair, and
 * two zeros one of twice the size. */
void emit_access(struct jit *j, uint32_t word);

/* Adds a load or store that has no neighbour to be joined with; false when it may have: the word before accesses as much from the
 * same base, or, before a store, loads it. */
static inline bool try_emit_alone(struct jit *j, uint32_t word) {
    if (j->words >= j->capacity) { return false; }
    bool joins = j->words > j->barrier && !((j->out[j->words - 1] ^ word) & 0xfe8003e0u);
    if (!joins) { j->out[j->words++] = word; }
    return !joins;
}

/* As emit_access() for a store whose register nobody reads afterwards: if it was loaded just before, and the same was done with
 * its neighbour before that, both are copied at once. */
void emit_last_store(struct jit *j, uint32_t word);

/* Whether the access that was emitted last adds a constant to its base as well, behind itself or before, as it does then. */
bool try_count_along(struct jit *j, enum a64_reg rn, int64_t imm);
