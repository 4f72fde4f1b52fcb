/* Writes changes (format.h). */

#include "difference.h"

/* ---- numbers ---- */

static bool same_number(const struct scalar *a, const struct scalar *b) { return scalar_covers(a, b) && scalar_covers(b, a); }

/* What the checker makes of these parts of the number. */
static struct scalar with_parts(const struct scalar *s, uint32_t parts) {
    struct scalar out;
    scalar_set_unknown(&out);
    if ((parts & PART_BITS) != 0) {
        out.value = s->value;
        out.mask = s->mask;
    }
    if ((parts & PART_UNSIGNED) != 0) {
        out.umin = s->umin;
        out.umax = s->umax;
    }
    if ((parts & PART_SIGNED) != 0) {
        out.smin = s->smin;
        out.smax = s->smax;
    }
    if ((parts & PART_UNSIGNED_32) != 0) {
        out.umin32 = s->umin32;
        out.umax32 = s->umax32;
    }
    if ((parts & PART_SIGNED_32) != 0) {
        out.smin32 = s->smin32;
        out.smax32 = s->smax32;
    }
    if (parts != 0 && !scalar_sync(&out)) { out = *s; }
    return out;
}

/* The fewest parts that say the same. */
static uint32_t parts_of(const struct scalar *s) {
    static const uint8_t order[] = {0,
                                    PART_UNSIGNED,
                                    PART_SIGNED,
                                    PART_BITS,
                                    PART_UNSIGNED_32,
                                    PART_SIGNED_32,
                                    PART_UNSIGNED | PART_BITS,
                                    PART_SIGNED | PART_BITS,
                                    PART_SIGNED | PART_UNSIGNED,
                                    PART_UNSIGNED_32 | PART_BITS,
                                    PART_UNSIGNED | PART_SIGNED | PART_BITS};
    if (scalar_is_const(s)) { return PART_CONST; }
    for (uint32_t i = 0; i < sizeof(order); i++) {
        struct scalar out = with_parts(s, order[i]);
        if (same_number(&out, s)) { return order[i]; }
    }
    return PART_ALL & ~(uint32_t)PART_CONST;
}

static void write_scalar(struct writer *w, const struct scalar *s) {
    uint32_t parts = parts_of(s);
    write_byte(w, (uint8_t)parts);
    if (parts == PART_CONST) {
        write_number(w, s->value);
        return;
    }
    if ((parts & PART_BITS) != 0) {
        write_number(w, s->value);
        write_number(w, s->mask);
    }
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

/* ---- registers ---- */

/* Other places than this one that have this id. */
static bool shares_id(const struct machine *m, const struct reg *self) {
    if (self->id == 0) { return false; }
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        const struct reg *reg = &m->frame->regs[r];
        if (reg != self && !in_mask(m->loose, r) && reg->kind != REG_UNINIT && reg->id == self->id) { return true; }
    }
    for (uint64_t used = m->frame->used; used != 0; used &= used - 1) {
        const struct slot *slot = &m->frame->slots[__builtin_ctzll(used)];
        if (&slot->reg != self && slot->spill_bytes != 0 && slot->reg.id == self->id) { return true; }
    }
    return false;
}

static bool is_packet(const struct reg *r) { return r->kind == REG_PACKET || r->kind == REG_PACKET_META; }

static enum kept_id id_of(const struct reg *now, const struct reg *kept, bool same_group) {
    bool moved = is_packet(kept) && kept->off != now->off;
    if (kept->id == 0) { return ID_NONE; }
    bool same_off = kept->kind != REG_SCALAR || kept->off == now->off;
    return same_group && kept->kind == now->kind && now->id != 0 && !moved && same_off ? ID_SAME : ID_NEW;
}

/* Whether the places that share now's id are among those that share kept's. */
static bool same_group(struct machine *now, struct machine *kept, const struct reg *a, const struct reg *b) {
    if (!shares_id(now, a)) { return true; }
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        const struct reg *x = &now->frame->regs[r], *y = &kept->frame->regs[r];
        bool here = !in_mask(kept->loose, r) && y->kind != REG_UNINIT;
        if (here && x->kind == a->kind && x->id == a->id && y->id != b->id) { return false; }
    }
    for (uint64_t used = kept->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        const struct slot *x = &now->frame->slots[i], *y = &kept->frame->slots[i];
        if (x->spill_bytes != 0 && y->spill_bytes != 0 && x->reg.kind == a->kind && x->reg.id == a->id && y->reg.id != b->id) { return false; }
    }
    return true;
}

/* Whether what this number comes with, and is not to have, says more than that it is linked with nothing: another place that is kept has
 * its id, or it is so far from what has it. The states that come later need not say so. */
static bool stays_linked(struct machine *now, struct machine *kept, const struct reg *a, const struct reg *b) {
    if (a->kind != REG_SCALAR || a->id == 0 || b->id != 0 || scalar_is_const(&b->var)) { return false; }
    if (a->off != 0) { return true; }
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        const struct reg *x = &now->frame->regs[r];
        bool here = in_mask(kept->number & ~(uint32_t)kept->loose, r) && in_mask(now->number & ~(uint32_t)now->loose, r);
        if (here && x != a && x->id == a->id) { return true; }
    }
    for (uint64_t used = kept->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        const struct slot *x = &now->frame->slots[i];
        bool here = x->spill_bytes != 0 && kept->frame->slots[i].spill_bytes != 0 && x->reg.kind == REG_SCALAR;
        if (here && &x->reg != a && x->reg.id == a->id) { return true; }
    }
    return false;
}

/* True when the checker may keep the register as it comes. */
static bool reg_stays(struct machine *now, struct machine *kept, const struct reg *a, const struct reg *b) {
    bool number = a->kind == REG_SCALAR;
    bool same_place = number ? (b->id == 0 || a->off == b->off) && (b->map == a->map || !origin_is_readable(a->map)) : a->map == b->map && a->frame == b->frame && a->off == b->off && a->range == b->range;
    if (a->kind != b->kind || !same_place) { return false; }
    return same_number(&a->var, &b->var) && same_group(now, kept, a, b) && !stays_linked(now, kept, a, b);
}

static void write_reg(struct writer *w, struct machine *now, struct machine *kept, const struct reg *a, const struct reg *b) {
    write_byte(w, b->kind);
    if (b->kind != REG_SCALAR) {
        write_byte(w, b->map);
        write_byte(w, b->frame);
        write_signed(w, b->off);
        write_number(w, b->range);
    }
    write_byte(w, (uint8_t)id_of(a, b, same_group(now, kept, a, b)));
    write_scalar(w, &b->var);
}

static bool slot_stays(struct machine *now, struct machine *kept, uint32_t i) {
    const struct slot *a = &now->frame->slots[i], *b = &kept->frame->slots[i];
    bool same = a->written == b->written && a->zeros == b->zeros && a->spill_bytes == b->spill_bytes && (a->spill_bytes == 0 || a->spill_at == b->spill_at);
    return same && (a->spill_bytes == 0 || reg_stays(now, kept, &a->reg, &b->reg));
}

/* ---- ranks ---- */

static bool rank_stays(const struct rank *a, const struct rank *b) {
    if (b == nullptr || a->regs != b->regs || a->slots != b->slots) { return (a->regs | a->slots) == 0 && b == nullptr; }
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if (in_mask(a->regs, r) && (a->by_reg[r].least != b->by_reg[r].least || a->by_reg[r].most != b->by_reg[r].most)) { return false; }
    }
    for (uint64_t slots = a->slots; slots != 0; slots &= slots - 1) {
        uint32_t s = (uint32_t)__builtin_ctzll(slots);
        if (a->by_slot[s].least != b->by_slot[s].least || a->by_slot[s].most != b->by_slot[s].most) { return false; }
    }
    return true;
}

static bool ranks_stay(struct machine *now, struct machine *kept) {
    bool stay = true;
    for (uint32_t i = 0; i < now->rank_count; i++) { stay &= rank_stays(&now->ranks[i], rank_of(kept, now->ranks[i].head, now->ranks[i].index)); }
    return stay;
}

static void write_ranks(struct writer *w, struct machine *now, struct machine *kept) {
    for (uint32_t i = 0; i < now->rank_count; i++) {
        if ((now->ranks[i].regs | now->ranks[i].slots) == 0) { continue; }
        const struct rank *rank = rank_of(kept, now->ranks[i].head, now->ranks[i].index);
        write_number(w, rank == nullptr ? 0 : rank->regs);
        write_number(w, rank == nullptr ? 0 : rank->slots);
        if (rank == nullptr) { continue; }
        for (uint32_t regs = rank->regs; regs != 0; regs &= regs - 1) {
            const struct distance *d = &rank->by_reg[__builtin_ctz(regs)];
            write_signed(w, d->least);
            write_signed(w, d->most);
        }
        for (uint64_t slots = rank->slots; slots != 0; slots &= slots - 1) {
            const struct distance *d = &rank->by_slot[__builtin_ctzll(slots)];
            write_signed(w, d->least);
            write_signed(w, d->most);
        }
    }
}

/* ---- the change ---- */

struct difference {
    uint32_t unset, loose, wide, regs;
    uint64_t unused, plain, slots;
    bool ranks;
};

static void compare(struct machine *now, struct machine *kept, struct difference *d) {
    uint32_t set_now = (now->number | now->pointer) & ALL_REGS, set = (kept->number | kept->pointer) & ALL_REGS;
    *d = (struct difference){0};
    d->unset = set_now & ~set;
    d->loose = kept->loose & ~now->loose;
    d->wide = kept->loose & now->narrow & ~kept->narrow;
    for (uint32_t regs = set & ~kept->loose; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        machine_settle(now, r);
        if (!reg_stays(now, kept, &now->frame->regs[r], &kept->frame->regs[r])) { d->regs |= 1u << r; }
    }
    d->unused = now->frame->used & ~kept->frame->used;
    d->plain = kept->plain & ~now->plain;
    for (uint64_t slots = kept->frame->used & ~kept->plain; slots != 0; slots &= slots - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(slots);
        if (!slot_stays(now, kept, i)) { d->slots |= (uint64_t)1 << i; }
    }
    d->ranks = !ranks_stay(now, kept);
}

static void write_regs(struct writer *w, struct machine *now, struct machine *kept, uint32_t mask) {
    write_number(w, mask);
    for (uint32_t regs = mask; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        write_reg(w, now, kept, &now->frame->regs[r], &kept->frame->regs[r]);
    }
}

static void write_slots(struct writer *w, struct machine *now, struct machine *kept, uint64_t mask) {
    write_number(w, mask);
    for (uint64_t slots = mask; slots != 0; slots &= slots - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(slots);
        const struct slot *a = &now->frame->slots[i], *b = &kept->frame->slots[i];
        write_byte(w, b->written);
        write_byte(w, b->zeros);
        write_byte(w, (uint8_t)(b->spill_bytes == 0 ? 0 : b->spill_at | b->spill_bytes << 3));
        if (b->spill_bytes != 0) { write_reg(w, now, kept, &a->reg, &b->reg); }
    }
}

bool write_change(struct writer *w, struct machine *now, struct machine *kept, uint32_t more) {
    struct difference d;
    compare(now, kept, &d);
    uint32_t parts = more | (d.unset != 0 ? CHANGE_UNSET : 0) | (d.loose != 0 ? CHANGE_LOOSE : 0) | (d.wide != 0 ? CHANGE_WIDE : 0) |
                     (d.unused != 0 ? CHANGE_UNUSED : 0) | (d.plain != 0 ? CHANGE_PLAIN : 0) | (d.regs != 0 ? CHANGE_REGS : 0) |
                     (d.slots != 0 ? CHANGE_SLOTS : 0) | (d.ranks ? CHANGE_RANKS : 0);
    if (parts == 0) { return false; }
    write_number(w, parts);
    if (d.unset != 0) { write_number(w, d.unset); }
    if (d.loose != 0) { write_number(w, d.loose); }
    if (d.wide != 0) { write_number(w, d.wide); }
    if (d.unused != 0) { write_number(w, d.unused); }
    if (d.plain != 0) { write_number(w, d.plain); }
    if (d.regs != 0) { write_regs(w, now, kept, d.regs); }
    if (d.slots != 0) { write_slots(w, now, kept, d.slots); }
    if (d.ranks) { write_ranks(w, now, kept); }
    return true;
}
