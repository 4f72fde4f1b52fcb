#include "bpf/jit/sum.h"

static uint32_t compute_sum(struct jit *j, struct value sum) {
    uint32_t number = FIRST_SUM + j->next_sum;
    enum a64_reg home = (enum a64_reg)j->home[number];
    j->next_sum = (j->next_sum + 1) % SHARED_SUMS;
    release_phys(j, home, live_before(j) | j->live_out, number);
    emit_plain_sum(j, home, &sum);
    j->values[number].imm = 0;
    note_computed(j, number, sum.shape, 64);
    return number;
}

void share_sum(struct jit *j, uint32_t reg) {
    struct value sum = j->values[reg];
    uint32_t found = find_shared_sum(j, &sum), number = found ? found : compute_sum(j, sum);
    uint32_t home = j->home[number];
    note_shape(j, reg, sum.imm ? SHAPE(VALUE_ADD_IMM, home, NO_REG) : shape_copy(home), 64);
}
