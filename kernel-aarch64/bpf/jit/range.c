#include "bpf/jit/range.h"

/* A compare as `x >= least`, or its opposite; false when it is none. */
static bool try_threshold(const struct test *t, uint32_t *least, bool *taken_above) {
    *least = (uint32_t)t->imm;
    if (t->imm > MAX_RANGED) { return false; }
    switch (t->op) {
    case BPF_JMP_JGT:
    case BPF_JMP_JSGT: *least += 1; [[fallthrough]];
    case BPF_JMP_JGE:
    case BPF_JMP_JSGE: *taken_above = true; return true;
    case BPF_JMP_JLE:
    case BPF_JMP_JSLE: *least += 1; [[fallthrough]];
    case BPF_JMP_JLT:
    case BPF_JMP_JSLT: *taken_above = false; return true;
    default: return false;
    }
}

/* The bit that tells two neighbours of a range apart: all above it are the same in the whole range, all below it are zero in
 * the upper one. */
static bool try_deciding_bit(const struct range *r, uint32_t upper, uint32_t *bit) {
    *bit = (uint32_t)__builtin_ctz(upper);
    return r->low >> (*bit + 1) == r->high >> (*bit + 1);
}

static bool try_equality(struct jit *j, const struct test *t, const struct range *r, enum a64_reg rn) {
    bool equal = t->op == BPF_JMP_JEQ, is_either = t->imm == r->low || t->imm == r->high;
    if (!(equal || t->op == BPF_JMP_JNE) || r->high != r->low + 1 || !is_either) { return false; }
    branch_on_bit(j, rn, 0, equal == (t->imm & 1), t->target);
    return true;
}

static void note_range(struct jit *j, uint32_t slot, struct range range) {
    range.slot = (uint16_t)slot;
    if (!j->has_ranges) { __builtin_memset(j->ranges, 0, RANGES * sizeof(range)); }
    j->has_ranges = true;
    j->ranges[slot % RANGES] = range;
}

RARE bool try_test_range(struct jit *j, const struct test *t, enum a64_reg rn) {
    struct range r = j->range, above, below;
    uint32_t least, bit;
    bool taken_above;
    if (!is_ranged(j, t->dst)) { r = (struct range){.reg = (uint8_t)t->dst, .high = (uint16_t)((1u << j->bits[t->dst]) - 1)}; }
    if (!try_threshold(t, &least, &taken_above)) { return try_equality(j, t, &r, rn); }
    if (least <= r.low || least > r.high) { return false; }
    above = below = r;
    above.low = (uint16_t)least;
    below.high = (uint16_t)(least - 1);
    note_range(j, t->target, taken_above ? above : below);
    j->range = taken_above ? below : above;
    j->range.slot = (uint16_t)(j->slot + 1);
    if (!try_deciding_bit(&r, least, &bit)) { return false; }
    branch_on_bit(j, rn, bit, taken_above, t->target);
    return true;
}

/* Only one branch may come here. A range that was noted here is then what that branch noted: whatever notes, branches. */
RARE void find_range(struct jit *j, bool falls) {
    uint32_t waiting = j->slots[j->slot] & SLOT_WORD;
    j->range.slot = 0;
    if (falls || !waiting || waiting > j->capacity || j->known & (SLOT_BACK | SLOT_ENTRY)) { return; }
    if (!is_only_branch(j->out[waiting - 1])) { return; }
    struct range there = j->ranges[j->slot % RANGES];
    if (there.slot == j->slot) { j->range = there; }
}
