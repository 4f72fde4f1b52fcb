/* Iterators on the stack, and how a state is widened that comes back to one.
 *
 * Whoever asks an iterator for its next element comes back often, each time with other numbers. One state is kept of all that
 * came by with the same iterator (explore.c): it is widened until it covers those that come, so the walk ends, whatever
 * number of elements there is. Each gap between two elements is then part of a way that was walked, and how many elements
 * all iterators give together bounds the run. */

#include "bpf/verifier/iterator.h"

#include "bpf/verifier/callback.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/timer.h"

/* bpf_iter_bits takes 511 words at most; there are no more tasks than numbers for them (PID_MAX_LIMIT); cgroups and areas of
 * memory are counted in ints. */
enum { BITS_MAX = 511 * 64, TASKS_MAX = 4 << 20 };

static uint32_t slots_of(uint8_t kind) {
    switch (kind) {
    case OBJECT_ITER_BITS: return 2;
    case OBJECT_ITER_TASK:
    case OBJECT_ITER_CSS: return 3;
    case OBJECT_ITER_SCX_DSQ: return 6;
    default: return 1;
    }
}

uint8_t iterator_gives(uint8_t kind) {
    uint8_t protection = iterator_is_protected(kind) ? OBJECT_RCU : 0;
    uint8_t object = kind == OBJECT_ITER_CSS ? OBJECT_CSS : kind == OBJECT_ITER_TASK_VMA ? OBJECT_VMA : OBJECT_TASK;
    return object | protection;
}

static uint64_t product(uint64_t a, uint64_t b) {
    uint64_t out;
    return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

static uint64_t sum(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

enum status iterator_slots(struct verifier *v, struct state *s, uint32_t r, uint32_t slots, uint32_t *first) {
    const struct reg *p = reg_at(s, r);
    int64_t at = (int64_t)BPF_STACK_BYTES + p->off + (int64_t)p->var.value;
    bool fits = p->kind == REG_STACK && scalar_is_const(&p->var) && at >= 0 && at % 8 == 0 && at + 8 * (int64_t)slots <= (int64_t)BPF_STACK_BYTES;
    if (!fits) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the function wants %u aligned bytes of the stack", r, p, (uint64_t)slots * 8);
    }
    *first = (uint32_t)at;
    return STATUS_OK;
}

static bool is_part(const struct frame *frame, uint32_t slot) {
    return (frame->used >> slot & 1) != 0 && frame->slots[slot].spill_bytes != 0 && frame->slots[slot].reg.kind == REG_ITERATOR;
}

enum status iterator_place(struct verifier *v, struct state *s, uint32_t r, uint8_t kind) {
    if (iterator_is_protected(kind) && !rcu_protects(v, s)) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "what this iterator gives is protected by RCU only, which the program does not read here");
    }
    if (kind == OBJECT_ITER_CSS_TASK && (v->type->flags & TYPE_PATIENT) == 0 && !timer_lets_sleep(v)) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "this iterator is for security hooks, iterators and programs that sleep");
    }
    uint32_t first, slots = slots_of(kind);
    enum status status = iterator_slots(v, s, r, slots, &first);
    if (status != STATUS_OK) { return status; }
    struct frame *frame = &s->frames[reg_at(s, r)->frame];
    for (uint32_t i = 0; i < slots; i++) {
        if (is_part(frame, first / 8 + i)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r points to an iterator that has not ended", r); }
    }
    return stack_fill(v, s, reg_at(s, r), 8 * (uint64_t)slots);
}

/* bpf_iter_num_new(place, first, end) gives none when there were more than CALLBACK_TURNS_MAX. */
static uint64_t turns_of(const struct state *s, uint8_t kind) {
    if (kind == OBJECT_ITER_BITS) { return BITS_MAX; }
    if (kind != OBJECT_ITER_NUM) { return object_kind_of(iterator_gives(kind)) == OBJECT_TASK ? TASKS_MAX : INT32_MAX; }
    int64_t most = (int64_t)s->regs[3].var.smax32 - s->regs[2].var.smin32;
    return most < 0 ? 0 : most > CALLBACK_TURNS_MAX ? CALLBACK_TURNS_MAX : (uint64_t)most;
}

/* How often an instruction may run, as far as the iterators say that are asked around it. */
static uint64_t times_here(const struct state *s) {
    uint64_t times = 1;
    for (uint32_t f = 0; f <= s->depth; f++) {
        const struct frame *frame = &s->frames[f];
        for (uint64_t used = frame->used; used != 0; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctzll(used);
            if (is_part(frame, slot) && frame->slots[slot].reg.off == 0) { times = product(times, sum(frame->slots[slot].reg.var.umax, 1)); }
        }
    }
    return times;
}

enum status iterator_make(struct verifier *v, struct state *s, uint8_t kind) {
    const struct reg *p = reg_at(s, 1);
    struct frame *frame = &s->frames[p->frame];
    uint32_t first = (uint32_t)((int64_t)BPF_STACK_BYTES + p->off + (int64_t)p->var.value) / 8;
    struct reg part;
    reg_set_pointer(&part, REG_ITERATOR);
    uint64_t turns = turns_of(s, kind);
    v->iterator_turns = sum(v->iterator_turns, product(turns + 1, times_here(s)));
    scalar_set_const(&part.var, turns);
    part.map = kind;
    part.id = new_id(v);
    enum status status = reference_acquire(v, s, &part.frame);
    if (status != STATUS_OK) { return status; }
    for (uint32_t i = 0; i < slots_of(kind); i++) {
        part.off = (int32_t)i;
        struct slot *slot = &frame->slots[first + i];
        slot->reg = part;
        slot->spill_at = 0;
        slot->spill_bytes = 8;
    }
    return STATUS_OK;
}

enum status iterator_find(struct verifier *v, struct state *s, uint32_t r, uint8_t kind, struct iterator *out) {
    uint32_t first, slots = slots_of(kind);
    enum status status = iterator_slots(v, s, r, slots, &first);
    if (status != STATUS_OK) { return status; }
    if (reg_at(s, r)->frame < callback_depth(v, s)) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r points to an iterator of a caller, which a function that is called back can not ask", r);
    }
    struct frame *frame = &s->frames[reg_at(s, r)->frame];
    *out = (struct iterator){&frame->slots[first / 8], slots};
    for (uint32_t i = 0; i < slots; i++) {
        const struct reg *part = &out->slot[i].reg;
        bool fits = is_part(frame, first / 8 + i) && part->map == kind && part->off == (int32_t)i && part->id == out->slot[0].reg.id;
        if (!fits) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r points to no iterator of this kind", r); }
    }
    return STATUS_OK;
}

enum status iterator_end(struct verifier *v, struct state *s, const struct iterator *iterator) {
    uint8_t name = iterator->slot->reg.frame;
    for (uint32_t i = 0; i < iterator->slots; i++) { iterator->slot[i].spill_bytes = 0; }
    return reference_release(v, s, name);
}

uint64_t iterator_bound(const struct verifier *v, uint64_t walked) {
    uint64_t elements = sum(v->iterator_turns, (v->may_go_on & 1) != 0 ? CALLBACK_TURNS_MAX : 0);
    for (uint32_t called = v->may_go_on >> 1; called != 0; called &= called - 1) { walked = product(walked, CALLBACK_TURNS_MAX + 1); }
    return product(walked, sum(elements, 1));
}

/* ---- widening ---- */

static bool same_number(const struct scalar *a, const struct scalar *b) { return __builtin_memcmp(a, b, sizeof(*a)) == 0; }

static void widen(struct scalar *s, const struct scalar *old) {
    if (s->umin < old->umin) { s->umin = 0; }
    if (s->umax > old->umax) { s->umax = UINT64_MAX; }
    if (s->smin < old->smin) { s->smin = INT64_MIN; }
    if (s->smax > old->smax) { s->smax = INT64_MAX; }
    if (s->umin32 < old->umin32) { s->umin32 = 0; }
    if (s->umax32 > old->umax32) { s->umax32 = UINT32_MAX; }
    if (s->smin32 < old->smin32) { s->smin32 = INT32_MIN; }
    if (s->smax32 > old->smax32) { s->smax32 = INT32_MAX; }
    if (!scalar_sync(s)) { scalar_set_unknown(s); } /* never: it only lost */
}

static void widen_reg(struct reg *r, const struct reg *old) {
    if (r->kind == REG_UNINIT || r->kind != old->kind) { return; }
    bool packet = r->kind == REG_PACKET || r->kind == REG_PACKET_META;
    if (packet && r->range < old->range) { r->range = 0; }
    if (same_number(&r->var, &old->var) && r->off == old->off) { return; }
    if (r->kind == REG_SCALAR || r->kind == REG_ITERATOR) {
        widen(&r->var, &old->var);
    } else {
        reg_lose(r, ORIGIN_POINTER);
    }
}

static void widen_slot(struct slot *slot, const struct slot *old) {
    bool same_place = slot->spill_bytes != 0 && slot->spill_bytes == old->spill_bytes && slot->spill_at == old->spill_at;
    if (same_place) { widen_reg(&slot->reg, &old->reg); }
}

/* Of another kind than before, it is nothing that can be read. */
static void drop_unlike_slot(struct frame *frame, uint32_t at, const struct slot *old) {
    struct slot *slot = &frame->slots[at];
    bool pointer = slot->spill_bytes != 0 && reg_is_pointer(&slot->reg), was_pointer = old->spill_bytes != 0 && reg_is_pointer(&old->reg);
    bool alike = pointer == was_pointer && (!pointer || slot->reg.kind == old->reg.kind);
    if (!alike) { frame->used &= ~((uint64_t)1 << at); }
}

void state_drop_unlike(struct state *s, const struct state *old) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        const struct frame *before = &old->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) {
            if (frame->regs[r].kind != before->regs[r].kind) { frame->regs[r].kind = REG_UNINIT; }
        }
        for (uint64_t used = frame->used & before->used; used != 0; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctzll(used);
            drop_unlike_slot(frame, slot, &before->slots[slot]);
        }
    }
}

void state_widen(struct state *s, const struct state *old) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        const struct frame *before = &old->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) { widen_reg(&frame->regs[r], &before->regs[r]); }
        for (uint64_t used = frame->used & before->used; used != 0; used &= used - 1) {
            uint32_t slot = (uint32_t)__builtin_ctzll(used);
            widen_slot(&frame->slots[slot], &before->slots[slot]);
        }
    }
}
