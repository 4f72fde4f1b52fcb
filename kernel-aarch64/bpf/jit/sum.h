#pragma once
/* Sums of two registers that several addresses have in common, each beside a constant of its own: A64 has no address with
 * two registers and a constant. They are values beyond those of the eBPF registers: pending while they hold, forgotten when
 * one of the two registers changes. */

#include "bpf/jit/value.h"

/* The number of the value that holds the sum, its constant left out; 0 when none does. */
static inline uint32_t find_shared_sum(const struct jit *j, const struct value *v) {
    for (uint32_t i = FIRST_SUM; i < FIRST_SUM + SHARED_SUMS; i++) {
        if (j->pending & REG_BIT(i) && j->values[i].shape == v->shape) { return i; }
    }
    return 0;
}

/* Makes a VALUE_SUM a shared sum, computed if it was not yet, plus a constant; or a copy of its own home. May emit. */
void share_sum(struct jit *j, uint32_t reg);

/* Before their registers are used for something else: forgets the sums, and writes whatever else reads one. Emits. */
void release_shared_sums(struct jit *j);
