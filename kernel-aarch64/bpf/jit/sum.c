#include "bpf/jit/sum.h"

/* The number of the value that holds the sum of `reg` from now on; 0 when what was in its register had to go to a home that the
 * sum reads: then `reg` was computed before that. */
static uint32_t compute_sum(struct jit *j, uint32_t reg) {
    uint32_t number = FIRST_SUM + j->next_sum;
    enum a64_reg home = (enum a64_reg)j->home[number];
    j->next_sum = (j->next_sum + 1) % SHARED_SUMS;
    release_phys(j, home, live_before(j) | j->live_out, number);
    struct value sum = j->values[reg];
    if (sum.kind != VALUE_SUM) { return 0; }
    emit_plain_sum(j, home, &sum);
    j->values[number].imm = 0;
    note_computed(j, number, sum.shape, 64);
    return number;
}

void share_sum(struct jit *j, uint32_t reg) {
    uint32_t number = find_shared_sum(j, &j->values[reg]);
    if (!number) { number = compute_sum(j, reg); }
    if (!number) { return; }
    uint32_t home = j->home[number];
    note_shape(j, reg, j->values[reg].imm ? SHAPE(VALUE_ADD_IMM, home, NO_REG) : shape_copy(home), 64);
}

void release_shared_sums(struct jit *j) {
    j->pending &= REG_BIT(FIRST_SUM) - 1;
    for (uint32_t i = 0; i < SHARED_SUMS; i++) { release_phys(j, (enum a64_reg)(SHARED_SUM_FIRST + i), live_before(j) | j->live_out, NO_REG); }
}
