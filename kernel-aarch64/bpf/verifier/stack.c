/* The stack, byte by byte: what was written, and which registers were put there whole. */

#include "bpf/verifier/callback.h"
#include "bpf/verifier/dynptr.h"

/* First and last-plus-one byte that an access may touch, from the bottom (0) to the top (512) of the frame. */
struct reach {
    uint32_t first, end;
    bool exact; /* the address is known */
};

static enum status stack_reach(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint64_t bytes, struct reach *out) {
    int64_t base = (int64_t)BPF_STACK_BYTES + p->off + off;
    int64_t first = base + p->var.smin, end = base + p->var.smax + (int64_t)bytes;
    if (first < 0 || end > (int64_t)BPF_STACK_BYTES) {
        return refuse(v, STATUS_STACK_OUT_OF_BOUNDS, s->pc, "%R, access of %u bytes covers [%d,%d)", p, bytes,
                      first - (int64_t)BPF_STACK_BYTES, end - (int64_t)BPF_STACK_BYTES);
    }
    *out = (struct reach){(uint32_t)first, (uint32_t)end, scalar_is_const(&p->var)};
    struct function *function = &v->functions[s->frames[p->frame].function];
    uint32_t depth = (BPF_STACK_BYTES - (uint32_t)first + 7) & ~7u;
    if (depth > function->stack_bytes) { function->stack_bytes = (uint16_t)depth; }
    return STATUS_OK;
}

static enum status check_aligned(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint32_t bytes) {
    uint64_t may_be_set = (uint64_t)((int64_t)p->off + off) | p->var.value | p->var.mask;
    if ((may_be_set & (bytes - 1)) == 0) { return STATUS_OK; }
    return refuse(v, STATUS_MISALIGNED_ACCESS, s->pc, "%R, access of %u bytes at %d", p, (uint64_t)bytes, (int64_t)off);
}

static struct slot *slot_at(struct frame *frame, uint32_t byte) { return &frame->slots[byte / 8]; }
static bool slot_used(const struct frame *frame, uint32_t byte) { return (frame->used >> (byte / 8) & 1) != 0; }
static uint8_t bytes_mask(uint32_t at, uint32_t bytes) { return (uint8_t)(((1u << bytes) - 1) << at); }
static bool spill_overlaps(const struct slot *slot, uint8_t mask) {
    return slot->spill_bytes != 0 && (bytes_mask(slot->spill_at, slot->spill_bytes) & mask) != 0;
}

/* What is left of a pointer that was partly overwritten can't be read, where addresses are secret. */
static void drop_spill(const struct verifier *v, struct slot *slot) {
    if (slot->spill_bytes != 0 && reg_is_pointer(&slot->reg) && !is_privileged(v)) {
        slot->written &= (uint8_t)~bytes_mask(slot->spill_at, slot->spill_bytes);
    }
    slot->spill_bytes = 0;
}

/* True when every byte of the reach is written and none belongs to a pointer; else *bad is the first that fails. */
static bool bytes_readable(struct frame *frame, struct reach reach, uint32_t *bad, bool *pointer) {
    for (uint32_t byte = reach.first; byte < reach.end; byte++) {
        *bad = byte;
        *pointer = false;
        if (!slot_used(frame, byte)) { return false; }
        struct slot *slot = slot_at(frame, byte);
        uint8_t mask = bytes_mask(byte % 8, 1);
        if ((slot->written & mask) == 0) { return false; }
        *pointer = spill_overlaps(slot, mask) && reg_is_pointer(&slot->reg);
        if (*pointer) { return false; }
    }
    return true;
}

static bool reach_is_zero(const struct frame *frame, struct reach reach) {
    for (uint32_t byte = reach.first; byte < reach.end; byte++) {
        if (!slot_used(frame, byte) || (frame->slots[byte / 8].zeros >> byte % 8 & 1) == 0) { return false; }
    }
    return true;
}

/* A pointer is loaded whole; where addresses are no secret, what else a read of a part would give is not said either. */
static enum status check_not_part(struct verifier *v, struct state *s, const struct slot *slot, uint32_t at, uint32_t bytes) {
    if (slot->spill_bytes == 0 || !reg_is_pointer(&slot->reg) || !spill_overlaps(slot, bytes_mask(at, bytes))) { return STATUS_OK; }
    return refuse(v, STATUS_POINTER_LEAK, s->pc, "%u bytes of %R, which is kept there", (uint64_t)bytes, &slot->reg);
}

/* What the kernel keeps there is no data. */
static enum status check_no_iterator(struct verifier *v, struct state *s, const struct reg *p, struct reach reach) {
    const struct frame *frame = &s->frames[p->frame];
    for (uint32_t byte = reach.first & ~7u; byte < reach.end; byte += 8) {
        const struct slot *slot = &frame->slots[byte / 8];
        if (slot_used(frame, byte) && slot->spill_bytes != 0 && slot->reg.kind == REG_ITERATOR) {
            return refuse(v, STATUS_POINTER_LEAK, s->pc, "%R, which holds %R", p, &slot->reg);
        }
    }
    return STATUS_OK;
}

static enum status check_readable(struct verifier *v, struct state *s, const struct reg *p, struct reach reach) {
    uint32_t bad = 0;
    bool pointer = false;
    if (OTHER_PLATFORMS && is_privileged(v)) { return check_no_iterator(v, s, p, reach); }
    if (bytes_readable(&s->frames[p->frame], reach, &bad, &pointer)) { return STATUS_OK; }
    int64_t off = (int64_t)bad - BPF_STACK_BYTES;
    if (pointer) { return refuse(v, STATUS_POINTER_LEAK, s->pc, "stack byte %d is part of a pointer", off); }
    return refuse(v, STATUS_UNINITIALISED_STACK, s->pc, "stack byte %d is not written", off);
}

enum status stack_readable(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint64_t bytes) {
    struct reach reach;
    enum status status = stack_reach(v, s, p, off, bytes, &reach);
    return status == STATUS_OK ? check_readable(v, s, p, reach) : status;
}

/* Of a longer number the bytes that are not loaded are 0: what is found of the one holds for the other. */
static bool is_all_there(const struct verifier *v, const struct reg *kept, uint32_t bytes, bool sign_extend) {
    return OTHER_PLATFORMS && is_privileged(v) && !sign_extend && kept->kind == REG_SCALAR && kept->var.umax <= UINT64_MAX >> (64 - 8 * bytes);
}

enum status stack_load(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint32_t bytes, bool sign_extend,
                       struct reg *out) {
    struct reach reach;
    enum status status = check_aligned(v, s, p, off, bytes);
    if (status == STATUS_OK) { status = stack_reach(v, s, p, off, bytes, &reach); }
    if (status != STATUS_OK) { return status; }
    struct frame *frame = &s->frames[p->frame];
    struct slot *slot = slot_at(frame, reach.first);
    uint32_t at = reach.first % 8;
    if (OTHER_PLATFORMS && is_privileged(v)) {
        status = check_no_iterator(v, s, p, reach);
        if (status != STATUS_OK) { return status; }
    }
    bool whole = reach.exact && slot_used(frame, reach.first) && slot->spill_bytes != 0 && slot->spill_at == at &&
                 (slot->spill_bytes == bytes || (slot->spill_bytes > bytes && !reg_is_pointer(&slot->reg)));
    if (!whole) {
        status = check_readable(v, s, p, reach);
        if (status == STATUS_OK && reach.exact && slot_used(frame, reach.first)) { status = check_not_part(v, s, slot, at, bytes); }
        if (status != STATUS_OK) { return status; }
        reg_set_scalar(out);
        if (reach_is_zero(frame, reach)) {
            scalar_set_const(&out->var, 0);
        } else {
            scalar_set_loaded(&out->var, bytes, sign_extend);
        }
        return STATUS_OK;
    }
    bool same = bytes == slot->spill_bytes || is_all_there(v, &slot->reg, bytes, sign_extend);
    if (same && slot->reg.kind == REG_SCALAR && slot->reg.id == 0 && !scalar_is_const(&slot->reg.var)) {
        slot->reg.id = new_id(v);
    }
    reg_copy(out, &slot->reg);
    if (bytes < 8 && out->kind == REG_SCALAR) {
        if (sign_extend || !same) { reg_renumber(out); }
        if (sign_extend) {
            scalar_sign_extend(&out->var, bytes * 8);
        } else {
            scalar_truncate(&out->var, bytes * 8);
        }
    }
    return STATUS_OK;
}

static bool is_zero(const struct reg *r) { return r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0; }

/* A store somewhere in the reach: nothing there is known any more, but zeros when it stores them; nothing new counts as
 * written. */
static void blur(const struct verifier *v, struct frame *frame, struct reach reach, bool zero) {
    for (uint32_t byte = reach.first & ~7u; byte < reach.end; byte += 8) {
        if (!slot_used(frame, byte)) { continue; }
        struct slot *slot = slot_at(frame, byte);
        drop_spill(v, slot);
        uint32_t first = byte < reach.first ? reach.first - byte : 0, end = reach.end - byte < 8 ? reach.end - byte : 8;
        if (!zero) { slot->zeros &= (uint8_t)~bytes_mask(first, end - first); }
    }
}

static enum status check_kept_pointer(struct verifier *v, struct state *s, const struct reg *p, const struct reg *value, uint32_t bytes,
                                      bool exact) {
    if (bytes != 8 || !exact) {
        return refuse(v, STATUS_POINTER_LEAK, s->pc, "%R can only be kept whole, at a known place", value);
    }
    if (value->kind == REG_STACK && value->frame > p->frame) {
        return refuse(v, STATUS_POINTER_LEAK, s->pc, "%R of a function would outlive it", value);
    }
    return STATUS_OK;
}

/* Each call of a function that is called back must find the pointers that the first one finds. */
static enum status check_callers_pointers(struct verifier *v, struct state *s, const struct reg *p, struct reach reach, bool pointer) {
    if (!is_privileged(v) || s->depth == 0 || p->frame >= callback_depth(v, s)) { return STATUS_OK; }
    const struct frame *frame = &s->frames[p->frame];
    for (uint32_t byte = reach.first & ~7u; byte < reach.end && !pointer; byte += 8) {
        const struct slot *slot = &frame->slots[byte / 8];
        pointer = slot_used(frame, byte) && slot->spill_bytes != 0 && reg_is_pointer(&slot->reg);
    }
    if (pointer) { return refuse(v, STATUS_POINTER_LEAK, s->pc, "a function that is called back changes pointers of its caller"); }
    if (reach.first < reach.end) { callback_changes(v, frame->function, reach.first, reach.end); }
    return STATUS_OK;
}

enum status stack_store(struct verifier *v, struct state *s, const struct reg *p, int32_t off, uint32_t bytes, struct reg *value) {
    struct reach reach;
    enum status status = check_aligned(v, s, p, off, bytes);
    if (status == STATUS_OK) { status = stack_reach(v, s, p, off, bytes, &reach); }
    struct reg number;
    if (status == STATUS_OK && reg_is_pointer(value) && is_privileged(v) && !reach.exact) {
        reg_set_scalar(&number); /* its address as a number */
        scalar_set_loaded(&number.var, bytes, false);
        value = &number;
    }
    if (status == STATUS_OK && reg_is_pointer(value)) { status = check_kept_pointer(v, s, p, value, bytes, reach.exact); }
    if (status == STATUS_OK) { status = check_callers_pointers(v, s, p, reach, reg_is_pointer(value)); }
    if (status == STATUS_OK && OTHER_PLATFORMS && is_privileged(v)) { status = dynptr_overwrite(v, s, &s->frames[p->frame], reach.first, reach.end); }
    if (status != STATUS_OK) { return status; }
    struct frame *frame = &s->frames[p->frame];
    if (!reach.exact) {
        blur(v, frame, reach, is_zero(value));
        return STATUS_OK;
    }
    struct slot *slot = slot_at(frame, reach.first);
    if (!slot_used(frame, reach.first)) {
        frame->used |= (uint64_t)1 << (reach.first / 8);
        slot->written = slot->spill_bytes = slot->zeros = 0;
    }
    uint32_t at = reach.first % 8;
    uint8_t mask = bytes_mask(at, bytes);
    if (spill_overlaps(slot, mask)) { drop_spill(v, slot); }
    bool linked = value->kind == REG_SCALAR && !scalar_is_const(&value->var) &&
                  (bytes == 8 || value->var.umax <= UINT64_MAX >> (64 - 8 * bytes));
    if (linked && value->id == 0) { value->id = new_id(v); }
    reg_copy(&slot->reg, value);
    if (value->kind == REG_SCALAR && !linked) {
        reg_unlink(&slot->reg);
        if (bytes < 8) { slot->reg.map = ORIGIN_ANY; }
        if (bytes < 8) { scalar_truncate(&slot->reg.var, bytes * 8); }
    }
    slot->written |= mask;
    slot->zeros = is_zero(&slot->reg) ? slot->zeros | mask : slot->zeros & (uint8_t)~mask;
    slot->spill_at = (uint8_t)at;
    slot->spill_bytes = (uint8_t)bytes;
    return STATUS_OK;
}

enum status stack_fill(struct verifier *v, struct state *s, const struct reg *p, uint64_t bytes) {
    struct reach reach;
    enum status status = stack_reach(v, s, p, 0, bytes, &reach);
    if (status == STATUS_OK) { status = check_callers_pointers(v, s, p, reach, false); }
    if (status == STATUS_OK && OTHER_PLATFORMS && is_privileged(v)) { status = dynptr_overwrite(v, s, &s->frames[p->frame], reach.first, reach.end); }
    if (status != STATUS_OK) { return status; }
    struct frame *frame = &s->frames[p->frame];
    if (!reach.exact) {
        blur(v, frame, reach, false);
        return STATUS_OK;
    }
    for (uint32_t byte = reach.first; byte < reach.end; byte++) {
        struct slot *slot = slot_at(frame, byte);
        if (!slot_used(frame, byte)) {
            frame->used |= (uint64_t)1 << (byte / 8);
            slot->written = slot->spill_bytes = slot->zeros = 0;
        }
        uint8_t mask = bytes_mask(byte % 8, 1);
        if (spill_overlaps(slot, mask)) { drop_spill(v, slot); }
        slot->written |= mask;
        slot->zeros &= (uint8_t)~mask;
    }
    return STATUS_OK;
}

void stack_drop(struct frame *frame, uint8_t reference) {
    for (uint64_t used = frame->used; used != 0; used &= used - 1) {
        struct slot *slot = &frame->slots[__builtin_ctzll(used)];
        if (slot->spill_bytes == 0) { continue; }
        uint8_t kind = slot->reg.kind;
        bool packet = reg_is_of_packet(&slot->reg);
        bool holder = kind == REG_MEMORY || kind == REG_MEMORY_OR_NULL || kind == REG_OBJECT || kind == REG_OBJECT_OR_NULL;
        if (OTHER_PLATFORMS) { holder |= kind >= REG_OWN; }
        if (reference == 0 ? packet : holder && slot->reg.frame == reference) {
            reg_lose(&slot->reg, reference == 0 ? ORIGIN_STALE : ORIGIN_RELEASED);
        }
    }
}

bool stack_constant(const struct state *s, const struct reg *p, uint32_t *value) {
    if (p->kind != REG_STACK || !scalar_is_const(&p->var)) { return false; }
    int64_t first = (int64_t)BPF_STACK_BYTES + p->off + (int64_t)p->var.value;
    if (first < 0 || first + 4 > (int64_t)BPF_STACK_BYTES || first % 4 != 0) { return false; }
    const struct frame *frame = &s->frames[p->frame];
    struct reach reach = {(uint32_t)first, (uint32_t)first + 4, true};
    const struct slot *slot = &frame->slots[first / 8];
    if (!slot_used(frame, reach.first)) { return false; }
    *value = (uint32_t)slot->reg.var.value;
    bool kept = slot->spill_bytes >= 4 && slot->spill_at == first % 8 && slot->reg.kind == REG_SCALAR && scalar_is_const(&slot->reg.var);
    if (!kept && reach_is_zero(frame, reach)) {
        *value = 0;
        return true;
    }
    return kept;
}
