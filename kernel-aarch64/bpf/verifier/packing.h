#pragma once
/* How snapshots pack states. A frame is: live registers | call | point | function and how many words it has; turns, if the
 * program has loops; those registers, the decisive ones first; the used live slots; those slots. A register is two words of
 * fields, and none, one or eight of its value. */

#include "bpf/verifier/snapshot.h"
#include <stddef.h>

typedef uint64_t aliased_word __attribute__((may_alias));

enum { ALL_REGS = (1 << FRAME_POINTER) - 1 }; /* those that a snapshot may hold */

/* The first word of a frame. */
enum { HAS_SLOTS_AT = 15 };
static inline uint32_t packed_regs(uint64_t head) { return head & ALL_REGS; }
static inline bool packed_has_slots(uint64_t head) { return (head >> HAS_SLOTS_AT & 1) != 0; }
static inline uint32_t packed_call(uint64_t head) { return (uint16_t)(head >> 16); }
static inline uint32_t packed_point(uint64_t head) { return (uint16_t)(head >> 32); }
static inline uint32_t packed_function(uint64_t head) { return head >> 48 & (FUNCTIONS - 1); }
static inline uint32_t packed_words(uint64_t head) { return (uint32_t)(head >> 54); }
static_assert(FUNCTIONS == 64 && 2 + NESTING / 2 + 10 * REGS + 11 * STACK_SLOTS < 1024);

static inline uint32_t turn_words(const struct verifier *v) { return v->loop_count == 0 ? 0 : NESTING / 2; }

enum form : uint8_t { FORM_CONST, FORM_UNKNOWN, FORM_FULL };

static const struct live everything = {UINT16_MAX, UINT16_MAX, UINT64_MAX, UINT64_MAX};

static inline const struct live *live_at(const struct verifier *v, uint32_t pc) {
    return v->points[pc] != 0 ? &v->live[v->points[pc] - 1] : &everything;
}

static inline uint32_t frame_pc(const struct state *s, uint32_t f) { return f == s->depth ? s->pc : s->frames[f + 1].call + 1; }

static inline enum form form_of(const struct scalar *s) {
    if (s->mask == 0) { return FORM_CONST; }
    return s->mask == UINT64_MAX && scalar_is_unknown(s) ? FORM_UNKNOWN : FORM_FULL;
}

/* A register's fields are its first two words as they are, with the form in the unused byte. */
enum { FORM_AT = 24, FIELD_WORDS = 2, VALUE_WORDS = sizeof(struct scalar) / sizeof(uint64_t) };
static_assert(offsetof(struct reg, unused) == FORM_AT / 8 && offsetof(struct reg, id) == 8 && offsetof(struct reg, var) == 8 * FIELD_WORDS);

static inline const aliased_word *words_in(const struct reg *r) { return (const aliased_word *)r; }
static inline enum form packed_form(uint64_t fields) { return (uint8_t)(fields >> FORM_AT); }

/* The packed value of a register with FORM_FULL. */
typedef struct scalar packed_scalar __attribute__((may_alias));

static inline uint64_t *pack_reg(uint64_t *at, const struct reg *r) {
    const aliased_word *words = words_in(r);
    enum form form = form_of(&r->var);
    at[0] = words[0] | (uint64_t)form << FORM_AT;
    at[1] = words[1];
    if (form == FORM_FULL) {
        __builtin_memcpy_inline(at + FIELD_WORDS, &r->var, sizeof(r->var));
        return at + FIELD_WORDS + VALUE_WORDS;
    }
    if (form == FORM_UNKNOWN) { return at + FIELD_WORDS; }
    if (r->kind == REG_SCALAR) { /* equal constants need no id */
        at[0] = (uint32_t)at[0];
        at[1] = words[1] >> 32 << 32;
    }
    at[FIELD_WORDS] = r->var.value;
    return at + FIELD_WORDS + 1;
}

static inline const uint64_t *unpack_reg(const uint64_t *at, struct reg *r) {
    aliased_word *words = (aliased_word *)r;
    enum form form = packed_form(at[0]);
    words[0] = at[0] & ~((uint64_t)UINT8_MAX << FORM_AT);
    words[1] = at[1];
    at += FIELD_WORDS;
    if (form == FORM_FULL) {
        __builtin_memcpy_inline(&r->var, at, sizeof(r->var));
        return at + VALUE_WORDS;
    }
    if (form == FORM_CONST) {
        scalar_set_const(&r->var, *at);
        return at + 1;
    }
    scalar_set_unknown(&r->var);
    return at;
}

static inline void frame_unset(struct frame *frame, uint32_t regs) {
    for (; regs != 0; regs &= regs - 1) { frame->regs[__builtin_ctz(regs)].kind = REG_UNINIT; }
}

static inline bool keeps_pointer(const struct slot *slot) { return slot->spill_bytes != 0 && reg_is_pointer(&slot->reg); }

/* Whether it matters which bytes of the stack were written: not where all of them are read. */
static inline bool written_says(const struct verifier *v) { return !OTHER_PLATFORMS || !is_privileged(v); }

/* Slots that are live, and of which something is known. */
static inline uint64_t slots_kept(const struct verifier *v, const struct frame *frame, const struct live *live) {
    uint64_t kept = frame->used & live->slots;
    if (written_says(v)) { return kept; }
    for (uint64_t used = kept; used != 0; used &= used - 1) {
        const struct slot *slot = &frame->slots[__builtin_ctzll(used)];
        if ((slot->spill_bytes | slot->zeros) == 0) { kept &= ~(used & -used); }
    }
    return kept;
}

static inline uint32_t set_regs(const struct frame *frame, const struct live *live) {
    uint32_t mask = live->regs & ALL_REGS;
    for (uint32_t all = mask; all != 0; all &= all - 1) {
        if (frame->regs[__builtin_ctz(all)].kind == REG_UNINIT) { mask ^= all & -all; }
    }
    return mask;
}

/* What follows the fields of a packed register with this form. */
static inline uint32_t words_of(enum form form) { return form == FORM_CONST ? 1 : form == FORM_FULL ? VALUE_WORDS : 0; }

/* Packed registers with the same words say the same, but for ids that other registers share. */
static inline bool same_words(const uint64_t *at, const struct reg *r, enum form form) {
    const aliased_word *words = words_in(r);
    if (at[0] != (words[0] | (uint64_t)form << FORM_AT) || (at[1] ^ words[1]) >> 32 != 0) { return false; }
    if (form == FORM_CONST) { return r->var.mask == 0 && at[FIELD_WORDS] == r->var.value; }
    if (form == FORM_UNKNOWN) { return scalar_is_unknown(&r->var); }
    uint64_t differs = 0;
#pragma clang loop unroll(full)
    for (uint32_t i = FIELD_WORDS; i < FIELD_WORDS + VALUE_WORDS; i++) { differs |= words[i] ^ at[i]; }
    return differs == 0;
}

/* The registers of a frame in the order that they are packed in: a bit each, the decisive ones in the lower half. */
static inline uint32_t packing_order(uint32_t regs, const struct live *live) {
    return (regs & live->regs_decisive) | (regs & ~(uint32_t)live->regs_decisive) << 16;
}
static inline uint32_t next_packed(uint32_t order) { return (uint32_t)__builtin_ctz(order) & 15; }

static inline const uint64_t *unpack_slot(const uint64_t *at, struct slot *slot) {
    slot->written = (uint8_t)*at;
    slot->spill_at = (uint8_t)(*at >> 8);
    slot->spill_bytes = (uint8_t)(*at >> 16);
    slot->zeros = (uint8_t)(*at++ >> 24);
    return slot->spill_bytes != 0 ? unpack_reg(at, &slot->reg) : at;
}
