#include "bpf/jit/field.h"
#include "bpf/jit/operation.h"

static void note_field(struct jit *j, uint32_t dst, struct value f) {
    if (f.width == 0) { return note_const(j, dst, 0); }
    uint32_t bits = field_bits(&f);
    if (f.width == 64 && !f.narrow) { f.shape = shape_copy(f.base); }
    note_shape(j, dst, f.shape, bits);
}

bool shift_left(struct value *f, uint32_t by, bool is_wide) {
    return field_shift_left(f, by) && (is_wide || field_zero_extend(f, 32));
}

bool shift_right(struct value *f, uint32_t by, bool is_wide) {
    return (is_wide || field_zero_extend(f, 32)) && field_shift_right(f, by);
}

bool keep_low(struct value *f, uint32_t bits, bool) { return field_zero_extend(f, bits); }

/* The low 32 bits of the base shifted or extended with sign, then zero-extended: not to be combined any further. */
static bool narrow_signed(struct value *f, uint32_t from, uint32_t width) {
    if (f->from || f->to || f->width < 32) { return false; }
    f->from = (uint8_t)from;
    f->width = (uint8_t)width;
    f->is_signed = f->narrow = true;
    return true;
}

bool shift_right_signed(struct value *f, uint32_t by, bool is_wide) {
    return is_wide ? field_shift_right_signed(f, by) : narrow_signed(f, by, 32 - by);
}

bool sign_extend(struct value *f, uint32_t bits, bool is_wide) {
    return is_wide ? field_sign_extend(f, bits) : narrow_signed(f, 0, bits);
}

void derive_field(struct jit *j, uint32_t dst, uint32_t src, field_operation apply, uint32_t by, bool is_wide) {
    struct value f;
    begin_note(j, dst);
    if (!try_field(&j->values[src], &f) || !apply(&f, by, is_wide)) {
        ensure_reg(j, src);
        if (!try_field(&j->values[src], &f) || !apply(&f, by, is_wide)) { return; }
    }
    note_field(j, dst, f);
    if (f.narrow) { j->bits[dst] = 32; }
}

void copy_value(struct jit *j, uint32_t dst, uint32_t src) {
    const struct value *v = &j->values[src];
    /* A sum is not copied while it reads its own home: two registers that read each other's could not be settled. */
    bool costly = v->kind == VALUE_SUM || v->kind == VALUE_PRODUCT || (v->kind == VALUE_CONST && v->imm >> 16);
    if (costly && j->live_out & REG_BIT(src)) { ensure_reg(j, src); }
    begin_note(j, dst);
    note(j, dst, j->values[src], src_bits(j, src));
}

/* -(one bit) is that bit extended with sign. */
bool negate_bit(struct value *f, uint32_t, bool is_wide) {
    f->is_signed = true;
    f->narrow = !is_wide;
    return f->width == 1 && f->to == 0;
}
