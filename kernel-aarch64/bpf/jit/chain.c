/* Branches to slots that are not compiled yet wait in a chain at their target. */

#include "bpf/jit/branch.h"
#include "bpf/jit/select.h"

/* Words that one slot compiles to at most; decides whether a forward TBZ is sure to reach. */
#define MAX_WORDS_PER_SLOT 16u
#define TBZ_REACH_WORDS 8191u

/* Where the distance stands in a branch: imm26 of B and BL, imm14 of TBZ and TBNZ, imm19 of the others (DDI 0487 C6.2). */
struct distance_field {
    uint32_t low, mask;
};

static inline struct distance_field distance_field(uint32_t branch) {
    if ((branch & 0x7c000000u) == 0x14000000u) { return (struct distance_field){0, 0x3ffffffu}; }
    if ((branch & 0x7e000000u) == 0x36000000u) { return (struct distance_field){5, 0x3fffu << 5}; }
    return (struct distance_field){5, 0x7ffffu << 5};
}

static inline uint32_t set_distance(uint32_t branch, uint32_t distance) {
    struct distance_field f = distance_field(branch);
    return (branch & ~f.mask) | ((distance << f.low) & f.mask);
}

bool is_only_branch(uint32_t branch) { return !(branch & distance_field(branch).mask); }

static bool is_call(uint32_t branch) { return branch >> 26 == 0x25 || (OTHER_PLATFORMS && branch >> 24 == 0x10); } /* BL, ADR */

/* Calls go to the prologue of an entry, jumps go behind it. */
static uint32_t words_skipped(const struct jit *j, bool is_entry, uint32_t branch) {
    return is_entry && !is_call(branch) ? j->function.prologue_words : 0;
}

void emit_branch(struct jit *j, uint32_t branch, uint32_t target) {
    uint32_t *slot = &j->slots[target], known = *slot & SLOT_WORD;
    if (*slot & SLOT_EMITTED) {
        return emit(j, set_distance(branch, known + words_skipped(j, *slot & SLOT_ENTRY, branch) - j->words));
    }
    uint32_t link = known ? j->words - (known - 1) : 0;
    if (j->words < MAX_CODE_WORDS) { *slot = (*slot & ~SLOT_WORD) | (j->words + 1); }
    emit(j, set_distance(branch, link));
}

void complete_branches(struct jit *j, bool is_entry, uint32_t head) {
    if (j->words > j->capacity) { return; }
    uint32_t at = head - 1;
    for (uint32_t link = head; link; at -= link) {
        uint32_t branch = j->out[at];
        struct distance_field f = distance_field(branch);
        uint32_t distance = j->words + words_skipped(j, is_entry, branch) - at;
        link = (branch & f.mask) >> f.low;
        j->out[at] = (branch & ~f.mask) | ((distance << f.low) & f.mask);
        j->is_lost |= distance > f.mask >> (f.low + 1); /* turns of loops between had more words than slots have */
    }
    if (at < j->guard_word) { j->guard_word = 0; } /* the first of them comes from before the barrier */
}

bool tbz_reaches(const struct jit *j, uint32_t target) {
    uint32_t known = j->slots[target] & SLOT_WORD;
    if (j->slots[target] & SLOT_EMITTED) { return j->words - known < TBZ_REACH_WORDS; }
    return (target - j->slot) * MAX_WORDS_PER_SLOT < TBZ_REACH_WORDS && (!known || j->words - known < TBZ_REACH_WORDS);
}
