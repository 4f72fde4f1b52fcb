#pragma once
/* Neighbouring accesses joined as they are emitted. */

#include "bpf/jit/state.h"

/* Adds a load or a store of one register, LDR, LDUR, STR or STUR without sign. Two that are neighbours become one of a pair, and
 * two zeros one of twice the size. */
void emit_access(struct jit *j, uint32_t word);

/* As emit_access() for a store whose register nobody reads afterwards: if it was loaded just before, and the same was done with
 * its neighbour before that, both are copied at once. */
void emit_last_store(struct jit *j, uint32_t word);
