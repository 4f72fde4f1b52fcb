#include "bpf/jit/operation.h"

/* Bits that are not the lowest; `bits` as dst_bits(). */
RARE static void and_mask(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide, uint32_t bits) {
    struct a64_mask mask;
    if (try_mask(imm, A64_WIDTH_X, &mask)) {
        ensure_reg(j, dst);
        begin_note(j, dst);
        uint32_t top = 64 - (uint32_t)__builtin_clzll(imm);
        j->values[dst].imm = imm;
        return note_shape(j, dst, SHAPE(VALUE_MASK, j->values[dst].base, NO_REG), top < bits ? top : bits);
    }
    if (is_wide || !try_mask(imm, A64_WIDTH_W, &mask)) { return operate_constant(j, dst, FORM_AND, imm, is_wide); }
    ensure_reg32(j, dst);
    enum a64_reg rd = begin_define(j, dst);
    emit(j, a64_and_imm(rd, reg_of(j, dst), mask, A64_WIDTH_W));
    define(j, dst, rd, 32);
}

void and_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    uint32_t bits = dst_bits(j, dst);
    uint64_t possible = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    if (j->values[dst].kind == VALUE_FIELD) { imm |= (1ull << j->values[dst].to) - 1; } /* bits that are zero anyway */
    if ((imm & possible) == possible) { return; }
    if ((imm & (imm + 1)) == 0) { return derive_low(j, dst, dst, imm ? 64 - (uint32_t)__builtin_clzll(imm) : 0); }
    and_mask(j, dst, imm, is_wide, bits);
}

static bool is_all_ones(uint64_t imm, bool is_wide) { return imm == (is_wide ? UINT64_MAX : UINT32_MAX); }

/* dst | 0 and dst ^ 0. */
static void keep(struct jit *j, uint32_t dst, bool is_wide) {
    if (!is_wide && dst_bits(j, dst) > 32) { derive_low(j, dst, dst, 32); }
}

/* Inclusive or, or exclusive or. */
RARE static void either_constant(struct jit *j, uint32_t dst, enum alu_form form, uint64_t imm, bool is_wide) {
    enum a64_width width = width_of(is_wide);
    struct a64_mask mask;
    bool inverts = form == FORM_EOR && is_all_ones(imm, is_wide);
    if (!inverts && !try_mask(imm, width, &mask)) { return operate_constant(j, dst, form, imm, is_wide); }
    uint32_t bits = is_wide ? 64 : 32;
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    if (inverts) {
        emit(j, a64_orn(rd, XZR, amount(0), rn, A64_SHIFT_LSL, width));
    } else {
        emit(j, form == FORM_ORR ? a64_orr_imm(rd, rn, mask, width) : a64_eor_imm(rd, rn, mask, width));
    }
    define(j, dst, rd, bits);
}

RARE void or_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    if (imm == 0) { return keep(j, dst, is_wide); }
    if (!is_all_ones(imm, is_wide)) { return either_constant(j, dst, FORM_ORR, imm, is_wide); }
    begin_note(j, dst);
    note_const(j, dst, imm);
}

RARE void xor_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    if (imm == 0) { return keep(j, dst, is_wide); }
    either_constant(j, dst, FORM_EOR, imm, is_wide);
}
