#pragma once
/* Shifts, masks and extensions as one kind of value: a run of bits, extended, moved (UBFM and SBFM do each in one).
 * Every function keeps: from == 0 or to == 0; from + width <= 64; to + width <= 64; a field that reaches bit 63 is unsigned,
 * since there is nothing left to extend into. */

#include "bpf/jit/state.h"

/* All the bits of a register. */
static inline struct value whole_field(uint32_t base) {
    return (struct value){.shape = SHAPE(VALUE_FIELD, base, NO_REG) | 64ull << 32};
}

/* The value as a field, when it is one. */
[[nodiscard]] static inline bool try_field(const struct value *v, struct value *field) {
    field->shape = v->shape;
    if (v->kind == VALUE_FIELD) { return !v->narrow; }
    *field = whole_field(v->base);
    return v->kind == VALUE_COPY;
}

/* Number of low bits that the field takes, before it is extended. */
static inline uint32_t field_top(const struct value *f) { return (uint32_t)f->to + f->width; }

/* Number of low bits that may be set. */
static inline uint32_t field_bits(const struct value *f) { return f->is_signed ? 64 : field_top(f); }

/* Each applies an operation to a field; false when the result is not a field any more. A width of 0 says the result is 0. */
[[nodiscard]] static inline bool field_shift_left(struct value *f, uint32_t by) {
    if (f->from && by) { return false; }
    uint32_t to = f->to + by;
    f->to = (uint8_t)to;
    if (to >= 64) {
        f->width = 0;
    } else if (to + f->width >= 64) {
        f->width = (uint8_t)(64 - to);
        f->is_signed = false;
    }
    return true;
}

/* Moves the field down by what it is not moved up. Returns what is left of the distance. */
static inline uint32_t field_unshift(struct value *f, uint32_t by) {
    uint32_t moved = by <= f->to ? by : f->to;
    f->to = (uint8_t)(f->to - moved);
    return by - moved;
}

[[nodiscard]] static inline bool field_shift_right(struct value *f, uint32_t by) {
    if (f->is_signed && by) { return false; }
    by = field_unshift(f, by);
    f->from = (uint8_t)(f->from + by);
    f->width = (uint8_t)(by < f->width ? f->width - by : 0);
    return true;
}

[[nodiscard]] static inline bool field_shift_right_signed(struct value *f, uint32_t by) {
    if (!f->is_signed && field_top(f) < 64) { return field_shift_right(f, by); }
    bool narrowed = f->width < 64;
    if (by <= f->to) {
        f->to = (uint8_t)(f->to - by);
        f->is_signed |= by > 0;
        return true;
    }
    by = field_unshift(f, by);
    if (by >= f->width) { by = f->width - 1u; }
    f->from = (uint8_t)(f->from + by);
    f->width = (uint8_t)(f->width - by);
    f->is_signed |= by > 0 || narrowed;
    return true;
}

[[nodiscard]] static inline bool field_zero_extend(struct value *f, uint32_t bits) {
    if (bits >= field_top(f)) { return !f->is_signed || bits >= 64; }
    f->is_signed = false;
    f->width = (uint8_t)(bits > f->to ? bits - f->to : 0);
    return true;
}

[[nodiscard]] static inline bool field_sign_extend(struct value *f, uint32_t bits) {
    if (bits > field_top(f)) { return true; }
    if (bits == field_top(f) && f->is_signed) { return true; }
    f->width = (uint8_t)(bits > f->to ? bits - f->to : 0);
    f->is_signed = bits < 64;
    return true;
}
