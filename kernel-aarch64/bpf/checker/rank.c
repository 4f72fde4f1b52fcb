/* Follows the values that loops are ranked by through moves and sums. */

#include "bpf/checker/machine.h"

static const int64_t distance_limit = (int64_t)1 << 62;

void rank_note(struct machine *m) {
    m->followed = 0;
    m->followed_slots = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) {
        m->followed |= m->ranks[i].regs;
        m->followed_slots |= m->ranks[i].slots;
    }
}

void rank_forget(struct machine *m, uint32_t regs) {
    if ((m->followed & regs) == 0) { return; }
    for (uint32_t i = 0; i < m->rank_count; i++) { m->ranks[i].regs &= (uint16_t)~regs; }
    m->followed &= ~regs;
}

void rank_forget_slots(struct machine *m, uint64_t slots) {
    if ((m->followed_slots & slots) == 0) { return; }
    for (uint32_t i = 0; i < m->rank_count; i++) { m->ranks[i].slots &= ~slots; }
    m->followed_slots &= ~slots;
}

void rank_move(struct machine *m, uint32_t dst, uint32_t src) {
    if (dst == src || ((m->followed >> dst | m->followed >> src) & 1) == 0) { return; }
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *rank = &m->ranks[i];
        rank->regs = (uint16_t)((rank->regs & ~(1u << dst)) | (uint32_t)(rank->regs >> src & 1) << dst);
        rank->by_reg[dst] = rank->by_reg[src];
    }
    rank_note(m);
}

void rank_add(struct machine *m, uint32_t dst, struct distance by) {
    if (!in_mask(m->followed, dst)) { return; }
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *rank = &m->ranks[i];
        struct distance *d = &rank->by_reg[dst];
        if (!in_mask(rank->regs, dst)) { continue; }
        bool fits = !__builtin_add_overflow(d->least, by.least, &d->least) && !__builtin_add_overflow(d->most, by.most, &d->most) &&
                    d->least >= -distance_limit && d->most <= distance_limit;
        if (!fits) { rank->regs &= (uint16_t)~(1u << dst); }
    }
    rank_note(m);
}

void rank_store(struct machine *m, uint32_t slot, uint32_t src) {
    if (!in_mask(m->followed, src) && (m->followed_slots >> slot & 1) == 0) { return; }
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *rank = &m->ranks[i];
        rank->slots = (rank->slots & ~((uint64_t)1 << slot)) | (uint64_t)(rank->regs >> src & 1) << slot;
        rank->by_slot[slot] = rank->by_reg[src];
    }
    rank_note(m);
}

void rank_load(struct machine *m, uint32_t dst, uint32_t slot) {
    if (!in_mask(m->followed, dst) && (m->followed_slots >> slot & 1) == 0) { return; }
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *rank = &m->ranks[i];
        rank->regs = (uint16_t)((rank->regs & ~(1u << dst)) | (uint32_t)(rank->slots >> slot & 1) << dst);
        rank->by_reg[dst] = rank->by_slot[slot];
    }
    rank_note(m);
}

struct rank *rank_of(struct machine *m, uint32_t head) {
    for (uint32_t i = 0; i < m->rank_count; i++) {
        if (m->ranks[i].head == head) { return &m->ranks[i]; }
    }
    return nullptr;
}

/* Loops that nothing follows any more make room. */
static void drop_lost(struct machine *m) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) {
        if ((m->ranks[i].regs | m->ranks[i].slots) == 0) { continue; }
        if (kept != i) { m->ranks[kept] = m->ranks[i]; }
        kept++;
    }
    m->rank_count = kept;
}

bool rank_begin(struct machine *m, uint32_t head, uint32_t regs, uint64_t slots) {
    struct rank *rank = rank_of(m, head);
    if (rank == nullptr) {
        if (m->rank_count == RANKS) { drop_lost(m); }
        if (m->rank_count == RANKS) { return false; }
        rank = &m->ranks[m->rank_count++];
    }
    rank->head = (uint16_t)head;
    rank->regs = (uint16_t)regs;
    rank->slots = slots;
    for (uint32_t r = 0; r < REGS; r++) { rank->by_reg[r] = (struct distance){0, 0}; }
    for (uint32_t i = 0; i < STACK_SLOTS; i++) { rank->by_slot[i] = (struct distance){0, 0}; }
    rank_note(m);
    return true;
}
