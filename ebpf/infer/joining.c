/* Joins of states of the checker's machine, and widening. */

#include "inference.h"
#include "bpf/verifier/domain.h"

/* Pairs of ids that meet: the same pair gets the same new id, so what was equal in both states stays equal. */
struct meeting {
    uint32_t count;
    struct {
        uint32_t a, b, id;
    } pairs[64];
};

static uint32_t met_id(struct verifier *v, struct meeting *meeting, uint32_t a, uint32_t b) {
    if (a == b) { return a; }
    for (uint32_t i = 0; i < meeting->count; i++) {
        if (meeting->pairs[i].a == a && meeting->pairs[i].b == b) { return meeting->pairs[i].id; }
    }
    uint32_t id = new_id(v);
    if (meeting->count < 64) {
        meeting->pairs[meeting->count].a = a;
        meeting->pairs[meeting->count].b = b;
        meeting->pairs[meeting->count++].id = id;
    }
    return id;
}

static bool is_packet(const struct reg *r) { return r->kind == REG_PACKET || r->kind == REG_PACKET_META; }

static void fold(struct reg *r) {
    struct scalar off;
    if (is_packet(r)) { r->range = (int64_t)r->range > r->off && r->off >= 0 ? r->range - (uint32_t)r->off : 0; }
    scalar_set_const(&off, (uint64_t)(int64_t)r->off);
    scalar_alu64(BPF_ALU_ADD, false, &r->var, &off);
    r->off = 0;
}

static bool is_null(const struct reg *r) { return r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0; }
static bool at_base(const struct reg *r) { return r->off == 0 && scalar_is_const(&r->var) && r->var.value == 0; }

static void join_nullable(struct verifier *v, struct reg *r, const struct reg *old) {
    const struct reg *p = is_null(r) ? old : r, *q = is_null(r) ? r : old;
    bool pointer = (p->kind == REG_MAP_VALUE || p->kind == REG_MAP_VALUE_OR_NULL) && at_base(p);
    bool fits = is_null(q) || ((q->kind == REG_MAP_VALUE || q->kind == REG_MAP_VALUE_OR_NULL) && q->map == p->map && at_base(q));
    if (!pointer || !fits) {
        r->kind = REG_UNINIT;
        return;
    }
    reg_copy(r, p);
    r->kind = REG_MAP_VALUE_OR_NULL;
    r->id = new_id(v);
}

static void join_reg(struct verifier *v, struct meeting *meeting, struct reg *r, const struct reg *other) {
    if (r->kind == REG_UNINIT || other->kind == REG_UNINIT) {
        r->kind = REG_UNINIT;
        return;
    }
    if (r->kind != other->kind) {
        join_nullable(v, r, other);
        return;
    }
    struct reg old = *other;
    if (r->kind == REG_SCALAR) {
        if (r->map != old.map) { r->map = old.map = ORIGIN_ANY; }
        if (r->off != old.off) {
            reg_unlink(r);
            reg_unlink(&old);
        }
    }
    if (is_packet(r) && r->frame != old.frame) { r->frame = old.frame = PAST_UNKNOWN; }
    bool moved = r->off != old.off;
    if (r->map != old.map || r->frame != old.frame || (moved && (r->kind == REG_CONTEXT || kind_may_be_null(r->kind)))) {
        r->kind = REG_UNINIT;
        return;
    }
    if (moved) {
        fold(r);
        fold(&old);
    }
    scalar_join(&r->var, &old.var);
    r->range = r->range < old.range ? r->range : old.range;
    if (moved && is_packet(r)) {
        r->id = new_id(v);
    } else if (r->kind == REG_SCALAR && (r->id == 0 || old.id == 0)) {
        reg_unlink(r);
    } else {
        r->id = met_id(v, meeting, r->id, old.id);
    }
}

static void join_slot(struct verifier *v, struct meeting *meeting, struct slot *slot, const struct slot *old) {
    bool pointers = (slot->spill_bytes != 0 && reg_is_pointer(&slot->reg)) || (old->spill_bytes != 0 && reg_is_pointer(&old->reg));
    slot->written &= old->written;
    slot->zeros &= old->zeros;
    if (slot->spill_bytes != 0 && slot->spill_bytes == old->spill_bytes && slot->spill_at == old->spill_at) {
        join_reg(v, meeting, &slot->reg, &old->reg);
        if (slot->reg.kind != REG_UNINIT) { return; }
    }
    slot->spill_bytes = 0;
    if (pointers) { slot->written = 0; }
}

static uint32_t count_id(const struct machine *m, uint32_t id) {
    uint32_t count = 0;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) { count += in_mask(m->number & ~(uint32_t)m->loose, r) && m->frame->regs[r].id == id; }
    for (uint64_t used = m->frame->used; used != 0; used &= used - 1) {
        const struct slot *slot = &m->frame->slots[__builtin_ctzll(used)];
        count += slot->spill_bytes != 0 && slot->reg.kind == REG_SCALAR && slot->reg.id == id;
    }
    return count;
}

/* The ids of numbers that no other place has: they say nothing, and few ids can be compared. */
static void unlink_single(struct machine *m) {
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        struct reg *reg = &m->frame->regs[r];
        if (in_mask(m->number & ~(uint32_t)m->loose, r) && reg->id != 0 && count_id(m, reg->id) == 1) { reg_unlink(reg); }
    }
    for (uint64_t used = m->frame->used; used != 0; used &= used - 1) {
        struct slot *slot = &m->frame->slots[__builtin_ctzll(used)];
        bool number = slot->spill_bytes != 0 && slot->reg.kind == REG_SCALAR;
        if (number && slot->reg.id != 0 && count_id(m, slot->reg.id) == 1) { reg_unlink(&slot->reg); }
    }
}

void machine_join(struct machine *to, struct machine *from) {
    struct meeting meeting = {.count = 0};
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        struct reg *reg = &to->frame->regs[r];
        uint32_t bit = 1u << r;
        if ((to->number & from->number & (to->loose | from->loose) & bit) != 0) {
            machine_loosen(to, r, in_mask(to->narrow & from->narrow, r));
            continue;
        }
        machine_settle(to, r);
        machine_settle(from, r);
        join_reg(to->v, &meeting, reg, &from->frame->regs[r]);
        machine_note(to, r);
        if (reg->kind == REG_UNINIT) { machine_unset(to, r); }
        if (reg->kind == REG_SCALAR && scalar_is_unknown(&reg->var) && (reg->id | reg->map) == 0) { machine_loosen(to, r, false); }
    }
    to->frame->used &= from->frame->used;
    for (uint64_t used = to->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        join_slot(to->v, &meeting, &to->frame->slots[i], &from->frame->slots[i]);
        if (to->frame->slots[i].written == 0 && to->frame->slots[i].spill_bytes == 0) { to->frame->used &= ~((uint64_t)1 << i); }
    }
    unlink_single(to);
    machine_note_slots(to);
}

/* ---- widening ---- */

static uint64_t threshold_above(const struct inference *f, uint64_t value) {
    for (uint32_t i = 0; i < f->threshold_count; i++) {
        if (f->thresholds[i] >= value) { return f->thresholds[i]; }
    }
    return UINT64_MAX;
}

static uint64_t threshold_below(const struct inference *f, uint64_t value) {
    uint64_t found = 0;
    for (uint32_t i = 0; i < f->threshold_count && f->thresholds[i] <= value; i++) { found = f->thresholds[i]; }
    return found;
}

/* Thresholds order as unsigned numbers; signed ones are told apart by their sign. */
static int64_t signed_above(const struct inference *f, int64_t value) {
    uint64_t found = threshold_above(f, (uint64_t)value);
    return value >= 0 ? (found > INT64_MAX ? INT64_MAX : (int64_t)found) : ((int64_t)found >= value && found != UINT64_MAX ? (int64_t)found : -1);
}

static int64_t signed_below(const struct inference *f, int64_t value) {
    uint64_t found = threshold_below(f, (uint64_t)value);
    if (value >= 0) { return found <= INT64_MAX ? (int64_t)found : 0; }
    return (int64_t)found < 0 ? (int64_t)found : INT64_MIN;
}

static void widen_scalar(const struct inference *f, struct scalar *s, const struct scalar *was) {
    if (s->umax > was->umax) { s->umax = threshold_above(f, s->umax); }
    if (s->umin < was->umin) { s->umin = threshold_below(f, s->umin); }
    if (s->smax > was->smax) { s->smax = signed_above(f, s->smax); }
    if (s->smin < was->smin) { s->smin = signed_below(f, s->smin); }
    if (s->umax32 > was->umax32) {
        uint64_t to = threshold_above(f, s->umax32);
        s->umax32 = to > UINT32_MAX ? UINT32_MAX : (uint32_t)to;
    }
    if (s->umin32 < was->umin32) { s->umin32 = (uint32_t)threshold_below(f, s->umin32); }
    if (s->smax32 > was->smax32) {
        int64_t to = signed_above(f, s->smax32);
        s->smax32 = to > INT32_MAX ? INT32_MAX : (int32_t)to;
    }
    if (s->smin32 < was->smin32) {
        int64_t to = signed_below(f, s->smin32);
        s->smin32 = to < INT32_MIN ? INT32_MIN : (int32_t)to;
    }
    uint64_t grown = s->mask & ~was->mask;
    if (grown != 0) { /* what moves moves on upward; low bits that are still known stay */
        uint64_t open = UINT64_MAX << __builtin_ctzll(grown);
        if (s->umax <= UINT64_MAX >> 1) { open &= s->umax == 0 ? 0 : UINT64_MAX >> __builtin_clzll(s->umax); }
        s->mask |= open;
        s->value &= ~s->mask;
    }
    (void)scalar_sync(s); /* what widening opened as a range, known bits may rule out: else it is written down as if it mattered */
}

void reg_set_widest(struct reg *r) {
    scalar_set_unknown(&r->var);
    if (r->kind == REG_SCALAR) { return; }
    r->var.smin = 1 - OFFSET_LIMIT;
    r->var.smax = OFFSET_LIMIT - 1;
}

static void widen_reg(const struct inference *f, struct reg *r, const struct reg *was) {
    if (r->kind != was->kind || r->kind == REG_UNINIT) { return; }
    struct scalar var = was->var;
    if (r->kind != REG_SCALAR && r->off != was->off) {
        struct scalar off;
        scalar_set_const(&off, (uint64_t)((int64_t)was->off - r->off));
        scalar_alu64(BPF_ALU_ADD, false, &var, &off);
    }
    widen_scalar(f, &r->var, &var);
    if (r->kind != REG_SCALAR) { /* pointers stay in their limits */
        if (r->var.smin <= -OFFSET_LIMIT || r->var.smax >= OFFSET_LIMIT) { reg_set_widest(r); }
        if (is_packet(r) && r->range < was->range) { r->range = 0; }
    }
}

void machine_widen(struct inference *f, struct machine *to, const struct machine *before) {
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        bool both = in_mask((to->number | to->pointer) & (before->number | before->pointer), r);
        if (!both || in_mask(to->loose | before->loose, r)) { continue; }
        widen_reg(f, &to->frame->regs[r], &before->frame->regs[r]);
        machine_note(to, r);
    }
    for (uint64_t used = to->frame->used & before->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        struct slot *slot = &to->frame->slots[i];
        if (slot->spill_bytes != 0) { widen_reg(f, &slot->reg, &before->frame->slots[i].reg); }
    }
}

/* ---- ranks ---- */

static void hull(struct distance *to, const struct distance *from) {
    to->least = min_s(to->least, from->least);
    to->most = max_s(to->most, from->most);
}

void ranks_join(struct machine *to, struct machine *from) {
    for (uint32_t i = 0; i < to->rank_count; i++) {
        struct rank *rank = &to->ranks[i];
        const struct rank *other = rank_of(from, rank->head, rank->index);
        rank->regs &= other == nullptr ? 0 : other->regs;
        rank->slots &= other == nullptr ? 0 : other->slots;
        for (uint32_t regs = rank->regs; regs != 0; regs &= regs - 1) {
            uint32_t r = (uint32_t)__builtin_ctz(regs);
            hull(&rank->by_reg[r], &other->by_reg[r]);
        }
        for (uint64_t slots = rank->slots; slots != 0; slots &= slots - 1) {
            uint32_t s = (uint32_t)__builtin_ctzll(slots);
            hull(&rank->by_slot[s], &other->by_slot[s]);
        }
    }
    rank_note(to);
}

void ranks_leave(struct inference *f, struct machine *m, uint32_t site) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) {
        uint32_t head = f->v->points[m->ranks[i].head] - 1u;
        if (head == site || !inside(f, head, site) || (m->ranks[i].regs | m->ranks[i].slots) == 0) { continue; }
        if (kept != i) { m->ranks[kept] = m->ranks[i]; }
        kept++;
    }
    m->rank_count = kept;
    rank_note(m);
}
