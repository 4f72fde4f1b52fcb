/* Snapshots: packing, loading, and the memory that they rest in. */

#include "bpf/verifier/packing.h"

#include "lib/mem.h"

static uint64_t *pack_frame(const struct verifier *v, uint64_t *at, const struct frame *frame, const struct live *live) {
    uint32_t regs = live->regs & ALL_REGS;
    uint64_t *head = at++;
    for (uint32_t i = 0; i < turn_words(v); i++) { *at++ = frame->turns[2 * i] | (uint64_t)frame->turns[2 * i + 1] << 32; }
    for (uint32_t order = packing_order(regs, live); order != 0; order &= order - 1) {
        const struct reg *r = &frame->regs[next_packed(order)];
        if (r->kind != REG_UNINIT) {
            at = pack_reg(at, r);
        } else {
            regs &= ~(1u << next_packed(order));
        }
    }
    uint64_t used = slots_kept(v, frame, live);
    *at++ = used;
    uint64_t has_slots = used != 0;
    for (; used != 0; used &= used - 1) {
        const struct slot *slot = &frame->slots[__builtin_ctzll(used)];
        *at++ = slot->written | (uint64_t)slot->spill_at << 8 | (uint64_t)slot->spill_bytes << 16 | (uint64_t)slot->zeros << 24;
        if (slot->spill_bytes != 0) { at = pack_reg(at, &slot->reg); }
    }
    *head = regs | has_slots << HAS_SLOTS_AT | (uint64_t)frame->call << 16 | (uint64_t)frame->point << 32 | (uint64_t)frame->function << 48 |
            (uint64_t)(at - head) << 54;
    return at;
}

static const uint64_t *unpack_frame(const struct verifier *v, const uint64_t *at, struct frame *frame, const struct live *live, uint32_t depth) {
    uint64_t head = *at++;
    uint32_t regs = packed_regs(head);
    frame->call = (uint16_t)packed_call(head);
    frame->point = (uint16_t)packed_point(head);
    frame->function = packed_function(head);
    for (uint32_t i = 0; i < turn_words(v); i++) {
        frame->turns[2 * i] = (uint32_t)*at;
        frame->turns[2 * i + 1] = (uint32_t)(*at++ >> 32);
    }
    for (uint32_t order = packing_order(regs, live); order != 0; order &= order - 1) {
        at = unpack_reg(at, &frame->regs[next_packed(order)]);
    }
    frame_unset(frame, ~regs & ALL_REGS);
    reg_set_pointer(&frame->regs[FRAME_POINTER], REG_STACK);
    frame->regs[FRAME_POINTER].frame = (uint8_t)depth;
    frame->used = *at++;
    for (uint64_t used = frame->used; used != 0; used &= used - 1) { at = unpack_slot(at, &frame->slots[__builtin_ctzll(used)]); }
    return at;
}

void frame_forget(const struct verifier *v, struct frame *frame, uint32_t pc) {
    const struct live *live = live_at(v, pc);
    frame_unset(frame, ~(uint32_t)live->regs & ALL_REGS);
    frame->used = slots_kept(v, frame, live);
}

void state_forget(const struct verifier *v, struct state *s) { frame_forget(v, &s->frames[s->depth], s->pc); }

/* ---- memory for snapshots ---- */

enum { CLASS_BYTES = 64, CLASSES_EXACT = 64, AMPLE_BYTES = 8192 /* for any frame */ };

/* Multiples of 64 bytes up to 4 KiB each have their list; larger ones share one per power of two. */
static uint32_t class_of(uint32_t bytes, uint32_t *rounded) {
    uint32_t units = (bytes + CLASS_BYTES - 1) / CLASS_BYTES;
    if (units <= CLASSES_EXACT) {
        *rounded = units * CLASS_BYTES;
        return units - 1;
    }
    uint32_t power = 32 - (uint32_t)__builtin_clz(units - 1);
    *rounded = CLASS_BYTES << power;
    return CLASSES_EXACT + power - 7;
}

/* Packed bytes at most: ten registers and all slots of each frame, ten words each, and what frames them. */
static uint32_t worst_bytes(const struct state *s) {
    uint32_t words = 0;
    for (uint32_t f = 0; f <= s->depth; f++) {
        words += 2 + NESTING / 2 + 10 * 10 + 11 * (uint32_t)__builtin_popcountll(s->frames[f].used);
    }
    return (uint32_t)sizeof(struct snapshot) + 8 * words;
}

static bool has_room(const struct verifier *v, const struct state *s) {
    uint64_t room = (uint64_t)(v->limit - v->free);
    return room >= (s->depth + 1) * (uint64_t)AMPLE_BYTES || room >= worst_bytes(s) + CLASS_BYTES;
}

struct snapshot *snapshot_take(struct verifier *v, const struct state *s, const struct place *place) {
    if (!has_room(v, s)) { return nullptr; }
    struct snapshot *fresh = (struct snapshot *)v->free;
    uint64_t *at = fresh->words;
    for (uint32_t f = 0; f <= s->depth; f++) { at = pack_frame(v, at, &s->frames[f], live_at(v, frame_pc(s, f))); }
    uint32_t bytes = (uint32_t)((uint8_t *)at - v->free), rounded;
    uint32_t size_class = class_of(bytes, &rounded);
    struct snapshot *out = v->spare[size_class];
    if (out != nullptr) {
        v->spare[size_class] = out->next;
        memcpy(out->words, fresh->words, bytes - (uint32_t)sizeof(*fresh));
    } else {
        if ((uint64_t)(v->limit - v->free) < rounded) { return nullptr; }
        out = fresh;
        v->free += rounded;
    }
    place_copy(&out->place, place);
    out->walked = s->walked;
    out->pc = s->pc;
    out->depth = s->depth;
    out->lineage = s->lineage;
    out->size_class = size_class;
    out->bytes = rounded;
    if (++v->states > v->result->states) { v->result->states = v->states; }
    return out;
}

void snapshot_free(struct verifier *v, struct snapshot *snapshot) {
    v->states--;
    if ((uint8_t *)snapshot + snapshot->bytes == v->free) { /* the newest one: most are */
        v->free = (uint8_t *)snapshot;
        return;
    }
    snapshot->next = v->spare[snapshot->size_class];
    v->spare[snapshot->size_class] = snapshot;
}

void snapshot_load(const struct verifier *v, const struct snapshot *from, struct state *s) {
    s->pc = from->pc;
    state_set_depth(s, from->depth);
    s->lineage = from->lineage;
    s->walked = from->walked;
    const uint64_t *at = from->words;
    for (uint32_t f = 0; f <= s->depth; f++) {
        uint32_t pc = f == s->depth ? s->pc : packed_call(at[packed_words(*at)]) + 1; /* in the frame that it called */
        at = unpack_frame(v, at, &s->frames[f], live_at(v, pc), f);
    }
}
