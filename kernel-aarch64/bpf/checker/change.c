/* Reads how a state that waits differs from the one that comes, and makes sure that it says no more than that one. */

#include "bpf/checker/entry.h"
#include "bpf/checker/format.h"

static const int64_t distance_limit = (int64_t)1 << 62;

static bool read_parts(struct reader *in, struct scalar *s) {
    uint32_t parts = read_byte(in);
    if ((parts & ~(uint32_t)PART_ALL) != 0 || ((parts & PART_CONST) != 0 && parts != PART_CONST)) { return false; }
    scalar_set_unknown(s);
    if (parts == PART_CONST) {
        scalar_set_const(s, read_number(in));
        return true;
    }
    if ((parts & PART_BITS) != 0) {
        s->value = read_number(in);
        s->mask = read_number(in);
        if ((s->value & s->mask) != 0) { return false; }
    }
    if ((parts & PART_UNSIGNED) != 0) {
        s->umin = read_number(in);
        s->umax = s->umin + read_number(in);
    }
    if ((parts & PART_SIGNED) != 0) {
        s->smin = read_signed(in);
        s->smax = (int64_t)((uint64_t)s->smin + read_number(in));
    }
    if ((parts & PART_UNSIGNED_32) != 0) {
        s->umin32 = (uint32_t)read_number(in);
        s->umax32 = s->umin32 + (uint32_t)read_number(in);
    }
    if ((parts & PART_SIGNED_32) != 0) {
        s->smin32 = (int32_t)read_signed(in);
        s->smax32 = (int32_t)((uint32_t)s->smin32 + (uint32_t)read_number(in));
    }
    return parts == 0 || scalar_sync(s);
}

/* A register that says no more than `now`. */
static bool read_reg(struct reader *in, struct verifier *v, const struct reg *now, struct reg *out) {
    reg_set_kind(out, REG_SCALAR);
    uint8_t kind = read_byte(in), id;
    if (kind == REG_UNINIT || kind > REG_OBJECT_OR_NULL) { return false; }
    out->kind = kind;
    if (kind != REG_SCALAR) {
        out->map = read_byte(in);
        out->frame = read_byte(in);
        int64_t off = read_signed(in);
        if (off <= -OFFSET_LIMIT || off >= OFFSET_LIMIT) { return false; }
        out->off = (int32_t)off;
        out->range = (uint32_t)read_number(in);
    }
    id = read_byte(in);
    if (id > ID_NEW) { return false; }
    out->id = id == ID_NEW ? new_id(v) : id == ID_SAME ? now->id : 0;
    if (kind == REG_SCALAR && id == ID_SAME) { out->off = now->off; }
    bool moves = (kind == REG_PACKET || kind == REG_PACKET_META) && out->off != now->off;
    if (id == ID_SAME && (kind != now->kind || moves)) { return false; }
    if (kind == REG_MAP_VALUE_OR_NULL && out->map >= v->program->map_count) { return false; } /* null may be called so */
    if (!read_parts(in, &out->var)) { return false; }
    if (kind != REG_SCALAR && (out->var.smin <= -OFFSET_LIMIT || out->var.smax >= OFFSET_LIMIT)) { return false; }
    if (in->bad) { return false; }
    if (kind == REG_SCALAR && id == ID_NONE) { return now->kind == REG_SCALAR && scalar_covers(&out->var, &now->var); }
    struct ids ids;
    ids.count = 0;
    return reg_covers(out, now, &ids);
}

static bool read_regs(struct reader *in, struct machine *m, struct change *change) {
    uint64_t regs = read_number(in);
    if ((regs & ~(uint64_t)ALL_REGS) != 0) { return false; }
    change->regs = (uint32_t)regs;
    for (; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctzll(regs);
        machine_settle(m, r);
        if (!read_reg(in, m->v, &m->frame->regs[r], &change->given_regs[r])) { return false; }
    }
    return true;
}

static bool read_slots(struct reader *in, struct machine *m, struct change *change) {
    change->slots = read_number(in);
    if ((change->slots & ~m->frame->used) != 0) { return false; }
    for (uint64_t slots = change->slots; slots != 0; slots &= slots - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(slots);
        const struct slot *now = &m->frame->slots[i];
        struct slot *slot = &change->given_slots[i];
        slot->written = read_byte(in);
        slot->zeros = read_byte(in);
        uint8_t kept = read_byte(in);
        slot->spill_at = kept & 7;
        slot->spill_bytes = kept >> 3;
        struct ids ids;
        ids.count = 0;
        if (slot->spill_bytes != 0) {
            if (now->spill_bytes == 0 || !read_reg(in, m->v, &now->reg, &slot->reg)) { return false; }
        }
        if (in->bad || !slot_covers(slot, now, &ids)) { return false; }
    }
    return true;
}

static bool read_distance(struct reader *in, const struct distance *now, struct distance *out) {
    out->least = read_signed(in);
    out->most = read_signed(in);
    return out->least <= now->least && out->most >= now->most && out->least >= -distance_limit && out->most <= distance_limit;
}

static bool read_rank(struct reader *in, const struct rank *now, struct rank *out) {
    uint64_t regs = read_number(in), slots = read_number(in);
    if ((regs & ~(uint64_t)now->regs) != 0 || (slots & ~now->slots) != 0) { return false; }
    out->head = now->head;
    out->index = now->index;
    out->regs = (uint16_t)regs;
    out->slots = slots;
    for (; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctzll(regs);
        if (!read_distance(in, &now->by_reg[r], &out->by_reg[r])) { return false; }
    }
    for (; slots != 0; slots &= slots - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(slots);
        if (!read_distance(in, &now->by_slot[i], &out->by_slot[i])) { return false; }
    }
    return true;
}

static bool read_ranks(struct reader *in, struct machine *m, struct change *change) {
    change->rank_count = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) {
        struct rank *out = &change->given_ranks[change->rank_count];
        if ((m->ranks[i].regs | m->ranks[i].slots) == 0) { continue; }
        if (!read_rank(in, &m->ranks[i], out)) { return false; }
        change->rank_count += (out->regs | out->slots) != 0;
    }
    return true;
}

/* Bytes of numbers may stand for kept numbers. */
static bool may_be_plain(const struct slot *slot) {
    return slot->written == 255 && (slot->spill_bytes == 0 || !reg_is_pointer(&slot->reg));
}

static bool read_masks(struct reader *in, struct machine *m, struct change *change) {
    uint32_t parts = change->parts;
    uint64_t unset = (parts & CHANGE_UNSET) != 0 ? read_number(in) : 0, loose = (parts & CHANGE_LOOSE) != 0 ? read_number(in) : 0;
    uint64_t wide = (parts & CHANGE_WIDE) != 0 ? read_number(in) : 0;
    change->unused = (parts & CHANGE_UNUSED) != 0 ? read_number(in) : 0;
    change->plain = (parts & CHANGE_PLAIN) != 0 ? read_number(in) : 0;
    if (((unset | wide) & ~(uint64_t)ALL_REGS) != 0 || (loose & ~(uint64_t)m->number) != 0 || (change->plain & ~m->frame->used) != 0) { return false; }
    change->unset = (uint32_t)unset;
    change->loose = (uint32_t)loose;
    change->wide = (uint32_t)wide;
    for (uint64_t plain = change->plain; plain != 0; plain &= plain - 1) {
        if (!may_be_plain(&m->frame->slots[__builtin_ctzll(plain)])) { return false; }
    }
    return true;
}

bool change_read(struct reader *in, struct machine *m, struct change *change) {
    uint64_t parts = read_number(in);
    if ((parts & ~(uint64_t)CHANGE_ALL) != 0) { return false; }
    change->parts = (uint32_t)parts;
    change->regs = 0;
    change->slots = 0;
    change->ranks = (parts & CHANGE_RANKS) != 0;
    bool fits = read_masks(in, m, change);
    if (fits && (parts & CHANGE_REGS) != 0) { fits = read_regs(in, m, change); }
    if (fits && (parts & CHANGE_SLOTS) != 0) { fits = read_slots(in, m, change); }
    if (fits && change->ranks) { fits = read_ranks(in, m, change); }
    return fits && !in->bad;
}
