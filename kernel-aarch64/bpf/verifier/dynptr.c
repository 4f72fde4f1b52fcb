/* Dynptrs, and the slices that programs get of them.
 *
 * A dynptr is two slots like those of an iterator. It is known by the instruction that made it, and so are its slices, which
 * end when it is overwritten or given back; those of a packet also when that may have changed (void_packet()). */

#include "bpf/verifier/dynptr.h"

#include "bpf/verifier/reference.h"

enum { DYNPTR_SLOTS = 2 };

static bool is_part(const struct frame *frame, uint32_t slot) {
    const struct slot *at = &frame->slots[slot];
    return (frame->used >> slot & 1) != 0 && at->spill_bytes != 0 && at->reg.kind == REG_ITERATOR && object_is_dynptr(at->reg.map);
}

static enum status lose_slices(struct verifier *v, struct state *s, uint8_t dynptr) {
    uint8_t slices;
    enum status status = reference_name_slices(v, s, dynptr, &slices);
    if (status == STATUS_OK) { reference_void(s, slices); }
    return status;
}

enum status dynptr_place(struct verifier *v, struct state *s, uint32_t r) {
    uint32_t first;
    enum status status = iterator_slots(v, s, r, DYNPTR_SLOTS, &first);
    if (status != STATUS_OK) { return status; }
    const struct frame *frame = &s->frames[reg_at(s, r)->frame];
    for (uint32_t i = first / 8; i < first / 8 + DYNPTR_SLOTS; i++) {
        bool iterator = (frame->used >> i & 1) != 0 && frame->slots[i].spill_bytes != 0 && frame->slots[i].reg.kind == REG_ITERATOR && !is_part(frame, i);
        if (iterator) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r points to an iterator that has not ended", r); }
    }
    return stack_fill(v, s, reg_at(s, r), 8 * DYNPTR_SLOTS);
}

enum status dynptr_make(struct verifier *v, struct state *s, uint32_t r, uint8_t kind, const struct iterator *like) {
    const struct reg *p = reg_at(s, r);
    struct frame *frame = &s->frames[p->frame];
    uint32_t first = (uint32_t)((int64_t)BPF_STACK_BYTES + p->off + (int64_t)p->var.value) / 8;
    struct reg part;
    enum status status = STATUS_OK;
    if (like != nullptr) {
        reg_copy(&part, &like->slot->reg);
    } else {
        reg_set_pointer(&part, REG_ITERATOR);
        part.map = kind;
        part.id = new_id(v);
        status = kind == OBJECT_DYNPTR_RINGBUF ? reference_acquire(v, s, &part.frame) : reference_name_here(v, s, &part.frame);
    }
    for (uint32_t i = 0; i < DYNPTR_SLOTS && status == STATUS_OK; i++) {
        part.off = (int32_t)i;
        struct slot *slot = &frame->slots[first + i];
        reg_copy(&slot->reg, &part);
        slot->spill_at = 0;
        slot->spill_bytes = 8;
    }
    return status;
}

/* That of a caller, which a global function was given: it may be of a packet, of which least can be done with slices. */
static const struct slot given = {.reg = {.kind = REG_ITERATOR, .map = OBJECT_DYNPTR_SKB}, .spill_bytes = 8};

static bool is_given(const struct reg *r) {
    return r->kind == REG_OBJECT && object_is_dynptr(r->map) && r->off == 0 && scalar_is_const(&r->var) && r->var.value == 0;
}

enum status dynptr_find(struct verifier *v, struct state *s, uint32_t r, struct iterator *out) {
    uint32_t first;
    if (is_given(reg_at(s, r))) {
        *out = (struct iterator){(struct slot *)&given, DYNPTR_SLOTS}; /* nobody changes a dynptr that was found */
        return STATUS_OK;
    }
    enum status status = iterator_slots(v, s, r, DYNPTR_SLOTS, &first);
    if (status != STATUS_OK) { return status; }
    struct frame *frame = &s->frames[reg_at(s, r)->frame];
    *out = (struct iterator){&frame->slots[first / 8], DYNPTR_SLOTS};
    for (uint32_t i = 0; i < DYNPTR_SLOTS; i++) {
        const struct reg *part = &out->slot[i].reg, *whole = &out->slot->reg;
        bool fits = is_part(frame, first / 8 + i) && part->off == (int32_t)i && part->id == whole->id && part->map == whole->map;
        if (!fits) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r points to no dynptr", r); }
    }
    return STATUS_OK;
}

enum status dynptr_end(struct verifier *v, struct state *s, const struct iterator *dynptr) {
    uint8_t name = dynptr->slot->reg.frame;
    if (dynptr->slot->reg.map != OBJECT_DYNPTR_RINGBUF) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "the dynptr is of no ring buffer"); }
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t i = 0; i < STACK_SLOTS; i++) {
            if (is_part(frame, i) && frame->slots[i].reg.frame == name) { frame->slots[i].spill_bytes = 0; } /* this one and those made like it */
        }
    }
    enum status status = lose_slices(v, s, name);
    return status == STATUS_OK ? reference_release(v, s, name) : status;
}

enum status dynptr_slice(struct verifier *v, struct state *s, const struct iterator *dynptr, uint64_t bytes, bool reads) {
    struct reg *r0 = reg_at(s, 0);
    uint8_t kind = dynptr->slot->reg.map, name = dynptr->slot->reg.frame;
    reg_set_pointer(r0, REG_MEMORY_OR_NULL);
    r0->range = bytes < OFFSET_LIMIT ? (uint32_t)bytes : 0;
    bool packet = kind == OBJECT_DYNPTR_SKB || kind == OBJECT_DYNPTR_XDP;
    r0->map = (uint8_t)((reads ? MEMORY_READS : MEMORY_ANY) | (packet ? MEMORY_OF_PACKET : MEMORY_ANY));
    r0->id = new_id(v);
    return reference_name_slices(v, s, name, &r0->frame);
}

enum status dynptr_overwrite(struct verifier *v, struct state *s, struct frame *frame, uint32_t first, uint32_t end) {
    for (uint32_t i = first / 8; i * 8 < end; i++) {
        if (!is_part(frame, i)) { continue; }
        struct slot *whole = &frame->slots[i - (uint32_t)frame->slots[i].reg.off];
        if (whole->reg.map == OBJECT_DYNPTR_RINGBUF) {
            return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "a dynptr of a ring buffer is overwritten that was neither submitted nor discarded");
        }
        enum status status = lose_slices(v, s, whole->reg.frame);
        if (status != STATUS_OK) { return status; }
        for (uint32_t part = 0; part < DYNPTR_SLOTS; part++) { whole[part].spill_bytes = 0; }
    }
    return STATUS_OK;
}
