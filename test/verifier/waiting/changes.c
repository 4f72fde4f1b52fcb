/* Draws what certificates say of a state that waits (format.h). */

#include "waiting.h"

static void write_number(struct writer *w, uint64_t number) {
    for (; number > 127; number >>= 7) { w->bytes[w->size++] = (uint8_t)(number | 128); }
    w->bytes[w->size++] = (uint8_t)number;
}
static void write_signed(struct writer *w, int64_t number) { write_number(w, (uint64_t)number << 1 ^ (uint64_t)(number >> 63)); }

/* As format.h has a register. */
static void write_reg(struct writer *w, const struct reg *r) {
    const struct scalar *s = &r->var;
    write_number(w, r->kind);
    if (r->kind != REG_SCALAR) {
        write_number(w, r->map);
        write_number(w, r->frame);
        write_signed(w, one_in(32) ? (one_in(2) ? OFFSET_LIMIT : -OFFSET_LIMIT) : r->off);
        write_number(w, r->range);
    }
    write_number(w, below(4) == 0 ? ID_NONE : below(3));
    uint32_t parts = s->mask == 0 ? (uint32_t)PART_CONST : below(32) << 1;
    write_number(w, parts);
    if ((parts & (PART_CONST | PART_BITS)) != 0) { write_number(w, s->value | (one_in(8) ? s->mask & below(8) : 0)); }
    if ((parts & PART_BITS) != 0) { write_number(w, s->mask); }
    if ((parts & PART_UNSIGNED) != 0) {
        write_number(w, s->umin);
        write_number(w, s->umax - s->umin);
    }
    if ((parts & PART_SIGNED) != 0) {
        write_signed(w, s->smin);
        write_number(w, (uint64_t)s->smax - (uint64_t)s->smin);
    }
    if ((parts & PART_UNSIGNED_32) != 0) {
        write_number(w, s->umin32);
        write_number(w, s->umax32 - s->umin32);
    }
    if ((parts & PART_SIGNED_32) != 0) {
        write_signed(w, s->smin32);
        write_number(w, (uint32_t)s->smax32 - (uint32_t)s->smin32);
    }
}

/* Some of the first `count` from `first`. */
static uint64_t draw_set(uint32_t first, uint32_t count) {
    uint64_t set = below(1u << count) & below(1u << count);
    return set << first;
}

static void write_slots(struct writer *w, const struct tried *to) {
    uint64_t slots = draw_set(FIRST_SLOT, TRIED_SLOTS) & (one_in(8) ? UINT64_MAX : to->frame.used);
    write_number(w, slots);
    for (; slots != 0; slots &= slots - 1) {
        const struct slot *slot = &to->frame.slots[__builtin_ctzll(slots)];
        bool kept = slot->spill_bytes != 0 && !one_in(3);
        w->bytes[w->size++] = slot->written;
        w->bytes[w->size++] = one_in(2) ? 0 : slot->zeros;
        w->bytes[w->size++] = kept ? (uint8_t)(slot->spill_at | slot->spill_bytes << 3) : 0;
        if (kept) { write_reg(w, &slot->reg); }
    }
}

static void write_distances(struct writer *w, uint64_t places) {
    for (; places != 0; places &= places - 1) {
        write_signed(w, -(int64_t)below(10));
        write_signed(w, (int64_t)below(10));
    }
}

static void write_ranks(struct writer *w, const struct tried *to) {
    for (uint32_t i = 0; i < to->rank_count; i++) {
        const struct rank *rank = &to->ranks[i];
        if ((rank->regs | rank->slots) == 0) { continue; }
        uint64_t regs = rank->regs & (one_in(3) ? below(16) : 15), slots = one_in(3) ? 0 : rank->slots;
        write_number(w, regs);
        write_number(w, slots);
        write_distances(w, regs);
        write_distances(w, slots);
    }
}

void draw_change(struct writer *w, const struct tried *to) {
    uint32_t parts = (1u << below(9)) | (1u << below(9));
    if (one_in(4)) { parts |= CHANGE_REGS | CHANGE_SLOTS; }
    w->size = 0;
    write_number(w, parts);
    if ((parts & CHANGE_UNSET) != 0) { write_number(w, draw_set(0, TRIED_REGS)); }
    if ((parts & CHANGE_LOOSE) != 0) { write_number(w, draw_set(0, TRIED_REGS)); }
    if ((parts & CHANGE_WIDE) != 0) { write_number(w, draw_set(0, TRIED_REGS)); }
    if ((parts & CHANGE_UNUSED) != 0) { write_number(w, draw_set(FIRST_SLOT, TRIED_SLOTS)); }
    if ((parts & CHANGE_PLAIN) != 0) { write_number(w, draw_set(FIRST_SLOT, TRIED_SLOTS)); }
    if ((parts & CHANGE_REGS) != 0) {
        uint64_t regs = draw_set(0, TRIED_REGS);
        write_number(w, regs | (one_in(32) ? (uint64_t)1 << (FRAME_POINTER + below(8)) : 0));
        for (; regs != 0; regs &= regs - 1) { write_reg(w, &to->frame.regs[__builtin_ctzll(regs)]); }
    }
    if ((parts & CHANGE_SLOTS) != 0) { write_slots(w, to); }
    if ((parts & CHANGE_RANKS) != 0) { write_ranks(w, to); }
    if (one_in(8)) { w->bytes[below(w->size)] = (uint8_t)below(32); }
}
