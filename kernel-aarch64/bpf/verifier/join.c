/* Joining a snapshot into a state: the least that covers both, register by register, slot by slot. */

#include "bpf/verifier/domain.h"
#include "bpf/verifier/dynptr.h"
#include "bpf/verifier/packing.h"

/* Moves the constant part of the address into the variable one, so that different offsets can be joined. */
static void fold_offset(struct reg *r) {
    struct scalar off;
    scalar_set_const(&off, (uint64_t)(int64_t)r->off);
    scalar_alu64(BPF_ALU_ADD, false, &r->var, &off);
    r->off = 0;
}

static bool is_packet(const struct reg *r) { return r->kind == REG_PACKET || r->kind == REG_PACKET_META; }

/* What is proven of the packet counts from the address without its constant part, which is about to move. */
static void fold_range(struct reg *r) {
    if (is_packet(r)) { r->range = (int64_t)r->range > r->off && r->off >= 0 ? r->range - (uint32_t)r->off : 0; }
}

static bool may_be_null(const struct reg *r) {
    return r->kind == REG_MAP_VALUE_OR_NULL || (r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0);
}

/* Either of two that nothing connects; where addresses are no secret, both are numbers. */
static void join_unlike(const struct verifier *v, struct reg *r, const struct reg *old) {
    if (r->kind == REG_UNINIT || old->kind == REG_UNINIT || !is_privileged(v)) {
        r->kind = REG_UNINIT;
        return;
    }
    reg_set_scalar(r);
    scalar_set_unknown(&r->var);
}

static void join_kinds(struct verifier *v, struct reg *r, const struct reg *old) {
    bool maps = (may_be_null(r) || r->kind == REG_MAP_VALUE) && (may_be_null(old) || old->kind == REG_MAP_VALUE);
    const struct reg *p = r->kind == REG_SCALAR ? old : r;
    bool same = r->kind == REG_SCALAR || old->kind == REG_SCALAR || (r->map == old->map && r->off == old->off);
    if (OTHER_PLATFORMS && r->kind != REG_SCALAR && old->kind != REG_SCALAR) { same &= r->frame == old->frame; }
    if (!maps || !same || p->off != 0 || !scalar_is_const(&p->var)) {
        join_unlike(v, r, old);
        return;
    }
    reg_copy(r, p);
    r->kind = REG_MAP_VALUE_OR_NULL;
    r->id = new_id(v);
}

/* Of dynptrs, a part may be overwritten alone; of iterators, none. */
static bool is_iterator(const struct reg *r) { return r->kind == REG_ITERATOR && !object_is_dynptr(r->map); }

static void join_reg(struct verifier *v, struct reg *r, struct reg *old) {
    if (r->kind != old->kind) {
        join_kinds(v, r, old);
        return;
    }
    if (r->kind == REG_SCALAR && r->map != old->map) { r->map = old->map = ORIGIN_ANY; }
    if (r->kind == REG_SCALAR && r->off != old->off) { r->id = old->id = (uint32_t)(r->off = old->off = 0); }
    if (is_packet(r) && r->frame != old->frame) { r->frame = old->frame = PAST_UNKNOWN; }
    if (r->map != old->map || r->frame != old->frame || r->kind == REG_UNINIT) {
        join_unlike(v, r, old);
        return;
    }
    if (r->kind == REG_FUNCTION && r->off != old->off) {
        join_unlike(v, r, old);
        return;
    }
    bool folded = r->off != old->off;
    if (folded) {
        if (r->kind == REG_CONTEXT || kind_may_be_null(r->kind)) {
            r->kind = REG_UNINIT;
            return;
        }
        fold_range(r);
        fold_range(old);
        fold_offset(r);
        fold_offset(old);
    }
    bool same_id = r->id == old->id && !(folded && is_packet(r));
    scalar_join(&r->var, &old->var);
    r->range = r->range < old->range ? r->range : old->range;
    if (!same_id && r->kind == REG_SCALAR) {
        reg_unlink(r);
    } else if (!same_id && !(OTHER_PLATFORMS && is_iterator(r))) { /* its parts keep one id */
        r->id = new_id(v);
    }
}

/* Most values are small: one range and the known bits say all of them. */
static inline void join_values(struct scalar *a, const packed_scalar *b) {
    uint64_t unknown = a->mask | b->mask | (a->value ^ b->value);
    if ((a->value | unknown) > INT32_MAX) {
        scalar_join(a, b);
    } else {
        put_small(a, (struct bits){a->value & ~unknown, unknown}, min_u(a->umin, b->umin), max_u(a->umax, b->umax));
    }
}

[[gnu::noinline]] static const uint64_t *join_other(struct verifier *v, struct reg *r, const uint64_t *at) {
    enum form form = packed_form(at[0]);
    if ((uint32_t)at[1] == r->id && same_words(at, r, form)) { return at + FIELD_WORDS + words_of(form); }
    struct reg old;
    at = unpack_reg(at, &old);
    join_reg(v, r, &old);
    return at;
}

/* Joins a packed register into r: mostly the values alone may differ. */
static inline const uint64_t *join_packed(struct verifier *v, struct reg *r, const uint64_t *at) {
    const aliased_word *words = words_in(r);
    if (at[0] != (words[0] | (uint64_t)FORM_FULL << FORM_AT) || at[1] != words[1]) { return join_other(v, r, at); }
    join_values(&r->var, (const packed_scalar *)(at + FIELD_WORDS));
    return at + FIELD_WORDS + VALUE_WORDS;
}

static const uint64_t *join_slot(struct verifier *v, struct slot *slot, const uint64_t *at) {
    struct slot old;
    at = unpack_slot(at, &old);
    bool pointers = keeps_pointer(slot) || keeps_pointer(&old);
    slot->written &= old.written;
    slot->zeros &= old.zeros;
    if (slot->spill_bytes != 0 && slot->spill_bytes == old.spill_bytes && slot->spill_at == old.spill_at) {
        join_reg(v, &slot->reg, &old.reg);
        if (slot->reg.kind != REG_UNINIT) { return at; }
    }
    slot->spill_bytes = 0;
    if (pointers) { slot->written = 0; }
    return at;
}

static const uint64_t *join_frame(struct verifier *v, struct frame *frame, const struct live *live, const uint64_t *at) {
    uint32_t old_regs = packed_regs(*at);
    at += 1 + turn_words(v);
    for (uint32_t order = packing_order(old_regs, live); order != 0; order &= order - 1) {
        at = join_packed(v, &frame->regs[next_packed(order)], at);
    }
    frame_unset(frame, ~old_regs & ALL_REGS);
    uint64_t old_used = *at++;
    for (uint64_t bits = old_used; bits != 0; bits &= bits - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(bits);
        struct slot unused;
        at = (frame->used >> i & 1) != 0 ? join_slot(v, &frame->slots[i], at) : unpack_slot(at, &unused);
    }
    frame->used &= old_used;
    return at;
}

void snapshot_join(struct verifier *v, struct state *s, const struct snapshot *snapshot) {
    const uint64_t *at = snapshot->words;
    for (uint32_t f = 0; f <= s->depth; f++) { at = join_frame(v, &s->frames[f], live_at(v, frame_pc(s, f)), at); }
    if (snapshot->walked > s->walked) { s->walked = snapshot->walked; }
}

/* The common case: one frame, no stack, and the same in every decisive register. */
bool snapshot_join_alike(struct verifier *v, struct state *s, const struct snapshot *snapshot) {
    const uint64_t *at = snapshot->words;
    struct frame *frame = &s->frames[0];
    const struct live *live = live_at(v, s->pc);
    uint32_t old_regs = packed_regs(*at), order = packing_order(old_regs, live);
    if ((s->depth | snapshot->depth) != 0 || s->pc != snapshot->pc || packed_call(*at) != frame->call || packed_has_slots(*at) || slots_kept(v, frame, live) != 0 ||
        (live->regs_decisive & ~old_regs & ALL_REGS) != 0) {
        return false;
    }
    at += 1 + turn_words(v);
    for (; (order & ALL_REGS) != 0; order &= order - 1) {
        const struct reg *r = &frame->regs[next_packed(order)];
        enum form form = packed_form(*at);
        if ((uint32_t)at[1] != r->id || !same_words(at, r, form)) { return false; }
        at += FIELD_WORDS + words_of(form);
    }
    for (; order != 0; order &= order - 1) { at = join_packed(v, &frame->regs[next_packed(order)], at); }
    frame_unset(frame, ~old_regs & ALL_REGS);
    frame->used = 0;
    if (snapshot->walked > s->walked) { s->walked = snapshot->walked; }
    return true;
}
