/* Every function keeps: from == 0 or to == 0; from + width <= 64; to + width <= 64; a field that reaches bit 63 is unsigned,
 * since there is nothing left to extend into. */

#include "bpf/jit/field.h"

bool try_field(const struct value *v, struct value *field) {
    field->shape = v->shape;
    if (v->kind == VALUE_FIELD) { return !v->narrow; }
    field->shape = SHAPE(VALUE_FIELD, v->base, NO_REG) | 64ull << 32;
    return v->kind == VALUE_COPY;
}

static uint32_t top(const struct value *f) { return f->to + f->width; }

bool field_shift_left(struct value *f, uint32_t by) {
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

bool field_shift_right(struct value *f, uint32_t by) {
    if (f->is_signed && by) { return false; }
    if (by <= f->to) {
        f->to = (uint8_t)(f->to - by);
        return true;
    }
    by -= f->to;
    f->to = 0;
    f->from = (uint8_t)(f->from + by);
    f->width = (uint8_t)(by < f->width ? f->width - by : 0);
    return true;
}

bool field_shift_right_signed(struct value *f, uint32_t by) {
    if (!f->is_signed && top(f) < 64) { return field_shift_right(f, by); }
    if (by <= f->to) {
        f->to = (uint8_t)(f->to - by);
        f->is_signed |= by > 0;
        return true;
    }
    by -= f->to;
    f->to = 0;
    if (by >= f->width) { by = f->width - 1u; }
    f->from = (uint8_t)(f->from + by);
    f->width = (uint8_t)(f->width - by);
    f->is_signed |= by > 0 || f->width < 64;
    return true;
}

bool field_zero_extend(struct value *f, uint32_t bits) {
    if (bits >= top(f)) { return !f->is_signed || bits >= 64; }
    f->is_signed = false;
    f->width = (uint8_t)(bits > f->to ? bits - f->to : 0);
    return true;
}

bool field_sign_extend(struct value *f, uint32_t bits) {
    if (bits > top(f)) { return true; }
    if (bits == top(f) && f->is_signed) { return true; }
    f->width = (uint8_t)(bits > f->to ? bits - f->to : 0);
    f->is_signed = bits < 64;
    return true;
}

uint32_t field_bits(const struct value *f) { return f->is_signed ? 64 : top(f); }
