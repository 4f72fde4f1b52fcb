#include "bpf/jit/bytes.h"
#include "bpf/jit/field.h"
#include "bpf/jit/operation.h"

typedef bool field_operation(struct value *f, uint32_t by, bool is_wide);

static inline bool shift_left(struct value *f, uint32_t by, bool is_wide) {
    return field_shift_left(f, by) && (is_wide || field_zero_extend(f, 32));
}

static inline bool shift_right(struct value *f, uint32_t by, bool is_wide) {
    return (is_wide || field_zero_extend(f, 32)) && field_shift_right(f, by);
}

static inline bool keep_low(struct value *f, uint32_t bits, bool) { return field_zero_extend(f, bits); }

/* The low 32 bits of the base shifted or extended with sign, then zero-extended: not to be combined any further. */
static inline bool narrow_signed(struct value *f, uint32_t from, uint32_t width) {
    if (f->from || f->to || f->width < 32) { return false; }
    f->from = (uint8_t)from;
    f->width = (uint8_t)width;
    f->is_signed = f->narrow = true;
    return true;
}

static inline bool shift_right_signed(struct value *f, uint32_t by, bool is_wide) {
    return is_wide ? field_shift_right_signed(f, by) : narrow_signed(f, by, 32 - by);
}

static inline bool sign_extend(struct value *f, uint32_t bits, bool is_wide) {
    return is_wide ? field_sign_extend(f, bits) : narrow_signed(f, 0, bits);
}

/* -(one bit) is that bit extended with sign. */
static inline bool negate_bit(struct value *f, uint32_t, bool is_wide) {
    f->is_signed = true;
    f->narrow = !is_wide;
    return f->width == 1 && f->to == 0;
}

static inline void note_field(struct jit *j, uint32_t dst, struct value f) {
    if (f.width == 0) { return note_const(j, dst, 0); }
    uint32_t bits = f.narrow ? 32 : field_bits(&f);
    note_shape(j, dst, f.width == 64 && !f.narrow ? shape_copy(f.base) : f.shape, bits);
}

RARE static void derive(struct jit *j, uint32_t dst, uint32_t src, field_operation *apply,
                                                   uint32_t by, bool is_wide) {
    struct value f;
    begin_note(j, dst);
    if (!try_field(&j->values[src], &f) || !apply(&f, by, is_wide)) {
        ensure_reg(j, src);
        f = whole_field(value_reg(j, src));
        if (!apply(&f, by, is_wide)) { return; }
    }
    note_field(j, dst, f);
}

/* A whole register, nobody to be written first: the common case, without a stack frame. */
static inline bool is_simple(const struct jit *j, uint32_t dst, uint32_t src) {
    return is_reg(j, src) && is_unread_elsewhere(j, dst);
}

/* Field of a whole register; width 1..63. */
static inline void note_part(struct jit *j, uint32_t dst, uint32_t src, uint32_t from, uint32_t width, uint32_t to) {
    uint64_t part = (uint64_t)from << 24 | (uint64_t)width << 32 | SHAPE_TO(to);
    note_computed(j, dst, SHAPE(VALUE_FIELD, j->values[src].base, NO_REG) | part, width + to);
}

/* (base + constant) << by, as a sum that only lacks its base: what indexes an array when a loop is unrolled. */
static bool try_shift_sum(struct jit *j, uint32_t dst, uint32_t by) {
    const struct value *v = &j->values[dst];
    if (v->kind != VALUE_ADD_IMM || v->base == SP || by > 4) { return false; }
    uint64_t imm = v->imm << by;
    if (imm + 0xffffff > 2 * 0xffffffull) { return false; }
    begin_note(j, dst);
    if (v->kind != VALUE_ADD_IMM) { return false; }
    j->values[dst].imm = imm;
    note_computed(j, dst, SHAPE(VALUE_SUM, XZR, v->base) | SHAPE_TO(by), 64);
    return true;
}

RARE static void general_shift_left(struct jit *j, uint32_t dst, uint32_t by, bool is_wide) {
    if (is_bytes(j, dst) && try_shift_bytes(j, dst, BPF_ALU_LSH, by, is_wide)) { return; }
    if (is_wide && try_shift_sum(j, dst, by)) { return; }
    derive(j, dst, dst, shift_left, by, is_wide);
}

void derive_shift_left(struct jit *j, uint32_t dst, uint32_t by, bool is_wide) {
    if (!is_simple(j, dst, dst) || by == 0) { return general_shift_left(j, dst, by, is_wide); }
    note_part(j, dst, dst, 0, (is_wide ? 64 : 32) - by, by);
}

RARE static void general_shift_right(struct jit *j, uint32_t dst, uint32_t by, bool is_wide) {
    if (is_bytes(j, dst) && try_shift_bytes(j, dst, BPF_ALU_RSH, by, is_wide)) { return; }
    derive(j, dst, dst, shift_right, by, is_wide);
}

void derive_shift_right(struct jit *j, uint32_t dst, uint32_t by, bool is_wide) {
    if (!is_simple(j, dst, dst) || by == 0) { return general_shift_right(j, dst, by, is_wide); }
    note_part(j, dst, dst, by, (is_wide ? 64 : 32) - by, 0);
}

RARE void derive_shift_right_signed(struct jit *j, uint32_t dst, uint32_t by, bool is_wide) {
    if (is_bytes(j, dst) && try_shift_bytes(j, dst, BPF_ALU_ARSH, by, is_wide)) { return; }
    derive(j, dst, dst, shift_right_signed, by, is_wide);
}

RARE static void general_low(struct jit *j, uint32_t dst, uint32_t src, uint32_t bits) {
    derive(j, dst, src, keep_low, bits, true);
}

void derive_low(struct jit *j, uint32_t dst, uint32_t src, uint32_t bits) {
    if (!is_simple(j, dst, src) || bits - 1 >= 63) { return general_low(j, dst, src, bits); }
    note_part(j, dst, src, 0, bits, 0);
}

void derive_signed(struct jit *j, uint32_t dst, uint32_t src, uint32_t bits, bool is_wide) {
    derive(j, dst, src, sign_extend, bits, is_wide);
}

void derive_negated_bit(struct jit *j, uint32_t dst, bool is_wide) { derive(j, dst, dst, negate_bit, 0, is_wide); }

RARE void copy_value(struct jit *j, uint32_t dst, uint32_t src) {
    const struct value *v = &j->values[src];
    /* A sum is not copied while it reads its own home: two registers that read each other's could not be settled. Bytes are loaded
     * once: when another load came others might have changed them, and the one copy may have been checked for both. */
    bool costly = v->kind == VALUE_SUM || v->kind == VALUE_BYTES || v->kind == VALUE_PRODUCT || (v->kind == VALUE_CONST && v->imm >> 16);
    if (costly && j->live_out & REG_BIT(src)) { ensure_reg(j, src); }
    if (j->exchanges && v->shape == shape_copy(j->home[dst])) { /* is there already */
        return define(j, dst, (enum a64_reg)j->home[dst], src_bits(j, src));
    }
    drop_unread(j, dst);
    begin_note(j, dst);
    if (v->kind == VALUE_BYTES) { j->loads |= REG_BIT(dst); }
    note(j, dst, j->values[src], src_bits(j, src));
}
