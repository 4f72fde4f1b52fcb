/* What states mean. */

#include "waiting.h"

const struct reg *reg_in(const struct tried *t, uint32_t place) {
    if (place < TRIED_REGS) { return &t->frame.regs[place]; }
    uint32_t slot = FIRST_SLOT + place - TRIED_REGS;
    bool kept = (t->frame.used >> slot & 1) != 0 && t->frame.slots[slot].spill_bytes != 0;
    return kept ? &t->frame.slots[slot].reg : nullptr;
}

/* What is kept of a slot may be some of its bytes. */
struct value value_in(const struct tried *t, const struct run *run, uint32_t place) {
    struct value v = run->at[place];
    if (place < TRIED_REGS || v.kind != REG_SCALAR) { return v; }
    const struct slot *slot = &t->frame.slots[FIRST_SLOT + place - TRIED_REGS];
    uint32_t bits = 8u * slot->spill_bytes;
    v.number = v.number >> 8 * slot->spill_at & (bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX);
    return v;
}

bool value_is_null(const struct value *v) { return v->kind == REG_SCALAR && v->number == 0; }

uint64_t part_of(const struct reg *r, const struct value *v) { return v->number - (uint64_t)(int64_t)r->off; }

static bool reg_means(const struct reg *r, const struct value *v, const struct run *run) {
    if (r->kind == REG_UNINIT) { return true; }
    if (r->kind == REG_SCALAR) { return v->kind == REG_SCALAR && scalar_contains(&r->var, v->number); }
    if (kind_may_be_null(r->kind) && value_is_null(v)) { return true; }
    if (v->kind != kind_not_null(r->kind) || v->map != r->map || !scalar_contains(&r->var, part_of(r, v))) { return false; }
    if (r->id >= fixed_ids && v->entry != 0) { return false; }
    if (r->kind == REG_PACKET) {
        bool past = r->frame == PAST_UNKNOWN || (r->frame == PAST_BEHIND ? v->number > run->packet_bytes : v->number >= run->packet_bytes);
        return past && (r->range == 0 || part_of(r, v) + r->range <= run->packet_bytes);
    }
    return r->kind != REG_MEMORY || r->range <= run->memory_bytes;
}

/* What one id says of two registers; none is one, too, for pointers. */
static bool pair_means(const struct reg *a, const struct value *x, const struct reg *b, const struct value *y) {
    if (a->id != b->id || kind_not_null(a->kind) != kind_not_null(b->kind)) { return true; }
    switch (kind_not_null(a->kind)) {
    case REG_SCALAR: return a->id == 0 || part_of(a, x) == part_of(b, y);
    case REG_PACKET: return part_of(a, x) == part_of(b, y);
    case REG_MAP_VALUE:
        if (a->map != b->map || (a->id == 0 && (a->kind == REG_MAP_VALUE || b->kind == REG_MAP_VALUE))) { return true; }
        return value_is_null(x) == value_is_null(y) && (a->id == 0 || x->entry == y->entry);
    default: return true;
    }
}

static bool slot_means(const struct slot *slot, const struct value *v) {
    if (slot->spill_bytes == 0 && slot->written != 0 && v->kind != REG_SCALAR) { return false; }
    for (uint32_t b = 0; b < 8; b++) {
        if ((slot->zeros >> b & 1) != 0 && (v->kind != REG_SCALAR || (v->number >> 8 * b & 255) != 0)) { return false; }
    }
    return true;
}

static bool rank_means(const struct rank *rank, const struct run *run) {
    uint32_t i = (uint32_t)rank->head - FIRST_HEAD;
    for (uint32_t place = 0; place < TRIED; place++) {
        uint32_t slot = FIRST_SLOT + place - TRIED_REGS;
        bool follows = place < TRIED_REGS ? (rank->regs >> place & 1) != 0 : (rank->slots >> slot & 1) != 0;
        const struct distance *d = place < TRIED_REGS ? &rank->by_reg[place] : &rank->by_slot[slot];
        int64_t moved = (int64_t)(run->at[place].number - run->heads[i]);
        if (follows && (moved < d->least || moved > d->most)) { return false; }
    }
    return true;
}

bool means(const struct tried *t, const struct run *run) {
    for (uint32_t i = 0; i < TRIED; i++) {
        uint32_t slot = FIRST_SLOT + i - TRIED_REGS;
        if (i >= TRIED_REGS && (t->frame.used >> slot & 1) != 0 && !slot_means(&t->frame.slots[slot], &run->at[i])) { return false; }
        const struct reg *r = reg_in(t, i);
        if (r == nullptr) { continue; }
        struct value v = value_in(t, run, i);
        if (!reg_means(r, &v, run)) { return false; }
        for (uint32_t o = 0; o < i; o++) {
            const struct reg *other = reg_in(t, o);
            struct value w = value_in(t, run, o);
            if (other != nullptr && !pair_means(r, &v, other, &w)) { return false; }
        }
    }
    for (uint32_t i = 0; i < t->rank_count; i++) {
        if (!rank_means(&t->ranks[i], run)) { return false; }
    }
    return true;
}
