#include "bpf/jit/operation.h"

static void and_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    uint32_t bits = dst_bits(j, dst);
    uint64_t possible = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    struct a64_mask mask;
    if ((imm & possible) == possible) { return; }
    if ((imm & (imm + 1)) == 0) { return derive_field(j, dst, dst, keep_low, imm ? log2_of(imm + 1) : 0, true); }
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

static void or_xor_constant(struct jit *j, uint32_t dst, uint32_t op, uint64_t imm, bool is_wide) {
    enum a64_width width = width_of(is_wide);
    struct a64_mask mask;
    bool all_ones = imm == (is_wide ? UINT64_MAX : UINT32_MAX), inverts = op == BPF_ALU_XOR && all_ones;
    if (op == BPF_ALU_OR && all_ones) {
        begin_note(j, dst);
        return note_const(j, dst, imm);
    }
    if (!inverts && !try_mask(imm, width, &mask)) {
        return operate_constant(j, dst, op == BPF_ALU_OR ? FORM_ORR : FORM_EOR, imm, is_wide);
    }
    uint32_t bits = is_wide ? 64 : 32;
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    if (inverts) {
        emit(j, a64_orn(rd, XZR, amount(0), rn, A64_SHIFT_LSL, width));
    } else {
        emit(j, op == BPF_ALU_OR ? a64_orr_imm(rd, rn, mask, width) : a64_eor_imm(rd, rn, mask, width));
    }
    define(j, dst, rd, bits);
}

void compile_logical(struct jit *j, uint32_t dst, uint32_t op, const struct source *s, bool is_wide) {
    if (!s->is_const) {
        enum alu_form form = op == BPF_ALU_AND ? FORM_AND : op == BPF_ALU_OR ? FORM_ORR : FORM_EOR;
        return operate_commutative(j, dst, form, s->reg, is_wide);
    }
    bool keeps = op != BPF_ALU_AND && s->imm == 0;
    if (keeps && !is_wide && dst_bits(j, dst) > 32) { return derive_field(j, dst, dst, keep_low, 32, true); }
    if (keeps) { return; }
    if (op == BPF_ALU_AND) { return and_constant(j, dst, s->imm, is_wide); }
    or_xor_constant(j, dst, op, s->imm, is_wide);
}
