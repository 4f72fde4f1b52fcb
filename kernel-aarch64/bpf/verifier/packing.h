#pragma once
/* How snapshots pack states. A frame is: live registers | call | point | function, turns, those registers, the used live
 * slots, those slots. A register is two words of fields, and none, one or eight of its value. */

#include "bpf/verifier/snapshot.h"

typedef uint64_t aliased_word __attribute__((may_alias));

enum form : uint8_t { FORM_CONST, FORM_UNKNOWN, FORM_FULL };

static const struct live everything = {UINT16_MAX, UINT16_MAX, UINT64_MAX, UINT64_MAX};

static inline const struct live *live_at(const struct verifier *v, uint32_t pc) {
    return v->points[pc] != 0 ? &v->live[v->points[pc] - 1] : &everything;
}

static inline uint32_t frame_pc(const struct state *s, uint32_t f) { return f == s->depth ? s->pc : s->frames[f + 1].call + 1; }

static inline enum form form_of(const struct scalar *s) {
    return scalar_is_const(s) ? FORM_CONST : scalar_is_unknown(s) ? FORM_UNKNOWN : FORM_FULL;
}

static inline uint64_t fields_of(const struct reg *r, enum form form) {
    return r->kind | (uint64_t)r->map << 8 | (uint64_t)r->frame << 16 | (uint64_t)form << 24 | (uint64_t)(uint32_t)r->off << 32;
}

static inline uint64_t *pack_reg(uint64_t *at, const struct reg *r) {
    enum form form = form_of(&r->var);
    uint64_t id = form == FORM_CONST && r->kind == REG_SCALAR ? 0 : r->id;
    *at++ = fields_of(r, form);
    *at++ = id | (uint64_t)r->range << 32;
    if (form == FORM_CONST) { *at++ = r->var.value; }
    if (form == FORM_FULL) {
        __builtin_memcpy(at, &r->var, sizeof(r->var));
        at += sizeof(r->var) / sizeof(*at);
    }
    return at;
}

static inline const uint64_t *unpack_reg(const uint64_t *at, struct reg *r) {
    uint64_t fields = *at++;
    r->kind = (uint8_t)fields;
    r->map = (uint8_t)(fields >> 8);
    r->frame = (uint8_t)(fields >> 16);
    r->unused = 0;
    r->off = (int32_t)(fields >> 32);
    r->id = (uint32_t)*at;
    r->range = (uint32_t)(*at++ >> 32);
    switch ((uint8_t)(fields >> 24)) {
    case FORM_CONST: scalar_set_const(&r->var, *at++); break;
    case FORM_UNKNOWN: scalar_set_unknown(&r->var); break;
    default:
        __builtin_memcpy(&r->var, at, sizeof(r->var));
        at += sizeof(r->var) / sizeof(*at);
        break;
    }
    return at;
}

static inline uint32_t set_regs(const struct frame *frame, const struct live *live) {
    uint32_t mask = 0;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) { mask |= (uint32_t)(frame->regs[r].kind != REG_UNINIT) << r; }
    return mask & live->regs;
}

/* What follows the fields of a packed register with this form. */
static inline uint32_t words_of(enum form form) {
    return form == FORM_CONST ? 1 : form == FORM_FULL ? (uint32_t)(sizeof(struct scalar) / sizeof(uint64_t)) : 0;
}

/* Packed registers with the same words say the same, but for ids that other registers share. */
static inline bool same_words(const uint64_t *at, const struct reg *r, enum form form) {
    if (*at != fields_of(r, form) || (at[1] >> 32) != r->range) { return false; }
    if (form == FORM_CONST) { return r->var.mask == 0 && at[2] == r->var.value; }
    if (form == FORM_UNKNOWN) { return scalar_is_unknown(&r->var); }
    const aliased_word *words = (const aliased_word *)&r->var;
    uint64_t differs = 0;
#pragma clang loop unroll(full)
    for (uint32_t i = 0; i < sizeof(r->var) / sizeof(*at); i++) { differs |= words[i] ^ at[2 + i]; }
    return differs == 0;
}

static inline const uint64_t *unpack_slot(const uint64_t *at, struct slot *slot) {
    slot->written = (uint8_t)*at;
    slot->spill_at = (uint8_t)(*at >> 8);
    slot->spill_bytes = (uint8_t)(*at++ >> 16);
    return slot->spill_bytes != 0 ? unpack_reg(at, &slot->reg) : at;
}
