/* Follows the values that loops are ranked by through moves and sums. */

#include "bpf/checker/format.h"
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

void rank_drop(struct machine *m, uint32_t dropped) {
    for (; dropped != 0; dropped &= dropped - 1) {
        struct rank *rank = &m->ranks[__builtin_ctz(dropped)];
        rank->regs = 0;
        rank->slots = 0;
    }
    rank_note(m);
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

static bool distance_add(struct distance *d, struct distance by) {
    return !__builtin_add_overflow(d->least, by.least, &d->least) && !__builtin_add_overflow(d->most, by.most, &d->most) &&
           d->least >= -distance_limit && d->most <= distance_limit;
}

void rank_add(struct machine *m, uint32_t dst, struct distance by) {
    if (!in_mask(m->followed, dst)) { return; }
    uint32_t followed = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *rank = &m->ranks[i];
        if (in_mask(rank->regs, dst) && !distance_add(&rank->by_reg[dst], by)) { rank->regs &= (uint16_t)~(1u << dst); }
        followed |= rank->regs;
    }
    m->followed = followed;
}

void rank_spread(struct machine *m, uint32_t place, struct distance by) {
    if (place < PLACE_SLOT) {
        rank_add(m, place, by);
        return;
    }
    uint64_t bit = (uint64_t)1 << (place - PLACE_SLOT);
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *rank = &m->ranks[i];
        if ((rank->slots & bit) != 0 && !distance_add(&rank->by_slot[place - PLACE_SLOT], by)) { rank->slots &= ~bit; }
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

struct rank *rank_of(struct machine *m, uint32_t head, uint8_t index) {
    for (uint32_t i = 0; i < m->rank_count; i++) {
        if (m->ranks[i].head == head && m->ranks[i].index == index) { return &m->ranks[i]; }
    }
    return nullptr;
}

const struct distance *rank_distance(const struct rank *rank, uint32_t place) {
    if (place < PLACE_SLOT) { return in_mask(rank->regs, place) ? &rank->by_reg[place] : nullptr; }
    uint32_t slot = place - PLACE_SLOT;
    return (rank->slots >> slot & 1) != 0 ? &rank->by_slot[slot] : nullptr;
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

bool rank_begin(struct machine *m, uint32_t head, uint8_t index, uint32_t place) {
    if (m->rank_count != 0) { drop_lost(m); } /* so that their order is the same however the state came here */
    struct rank *rank = m->rank_count == 0 ? nullptr : rank_of(m, head, index);
    if (rank == nullptr) {
        if (m->rank_count == RANKS) { return false; }
        rank = &m->ranks[m->rank_count++];
    }
    rank->head = (uint16_t)head;
    rank->index = index;
    rank->regs = 0;
    rank->slots = 0;
    if (place < PLACE_SLOT) {
        rank->regs = (uint16_t)(1u << place);
        rank->by_reg[place] = (struct distance){0, 0};
    } else {
        rank->slots = (uint64_t)1 << (place - PLACE_SLOT);
        rank->by_slot[place - PLACE_SLOT] = (struct distance){0, 0};
    }
    rank_note(m);
    return true;
}
