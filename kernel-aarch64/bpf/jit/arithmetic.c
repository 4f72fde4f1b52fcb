/* Sums stay noted as long as they may become addresses, products as long as they may become multiply-adds. */

#include "bpf/jit/hoist.h"
#include "bpf/jit/operation.h"

static bool is_product(const struct jit *j, uint32_t reg, bool is_wide) {
    const struct value *v = &j->values[reg];
    return v->kind == VALUE_PRODUCT && !(is_wide && v->narrow);
}

/* addend +- product of `product`, which is not needed otherwise. */
static void multiply_add(struct jit *j, uint32_t dst, uint32_t addend, uint32_t product, bool subtract, bool is_wide) {
    ensure(j, addend, is_wide);
    enum a64_reg rd = begin_define(j, dst), ra = reg_of(j, addend);
    const struct value *v = &j->values[product];
    enum a64_reg rn = (enum a64_reg)v->base, rm = (enum a64_reg)v->index;
    enum a64_width width = width_of(is_wide);
    if (v->kind != VALUE_PRODUCT) { /* settled on the way */
        emit(j, subtract ? a64_sub(rd, ra, amount(0), rn, A64_SHIFT_LSL, width)
                         : a64_add(rd, ra, amount(0), rn, A64_SHIFT_LSL, width));
    } else {
        emit(j, subtract ? a64_msub(rd, rn, ra, rm, width) : a64_madd(rd, rn, ra, rm, width));
    }
    define(j, dst, rd, result_bits(is_wide));
}

static void add_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    if (!is_wide) {
        ensure_reg32(j, dst);
        enum a64_reg rd = begin_define(j, dst);
        emit_add_imm(j, rd, reg_of(j, dst), imm, A64_WIDTH_W);
        return define(j, dst, rd, 32);
    }
    begin_note(j, dst);
    struct value *v = &j->values[dst];
    uint64_t sum = v->kind == VALUE_ADD_IMM ? v->imm + imm : imm;
    if ((v->kind != VALUE_COPY && v->kind != VALUE_ADD_IMM) || sum + 0xffffff > 2 * 0xffffffull) {
        ensure_reg(j, dst);
        sum = imm;
    }
    if (sum == 0) { return note_shape(j, dst, shape_copy(v->base), 64); }
    v->imm = sum;
    note_shape(j, dst, SHAPE(VALUE_ADD_IMM, v->base, NO_REG), 64);
}

/* Notes base + index << left when one of the two is such a shift, or nothing better is known. */
static void add_sum(struct jit *j, uint32_t dst, uint32_t src) {
    uint32_t base = dst, index = src;
    if (j->values[dst].kind == VALUE_FIELD && j->values[src].kind != VALUE_FIELD) { base = src, index = dst; }
    struct operand operand;
    ensure_reg(j, base);
    bool fits = try_operand(j, index, FORM_ADD, A64_WIDTH_X, &operand) &&
                (operand.kind == OPERAND_SHIFTED ? operand.shift == A64_SHIFT_LSL : operand.extend == A64_EXTEND_UXTW);
    if (!fits && j->values[index].kind == VALUE_FIELD && try_operand(j, index, FORM_ADD, A64_WIDTH_X, &operand)) {
        return operate(j, dst, FORM_ADD, base, index, true);
    }
    if (!fits) { ensure_reg(j, index); }
    begin_note(j, dst);
    if (!is_reg(j, base) || !try_operand(j, index, FORM_ADD, A64_WIDTH_X, &operand)) { return; }
    uint64_t how = SHAPE_TO(operand.amount) | SHAPE_NARROW(operand.kind == OPERAND_EXTENDED);
    note_shape(j, dst, SHAPE(VALUE_SUM, value_reg(j, base), operand.reg) | how, 64);
}

void compile_add(struct jit *j, uint32_t dst, const struct source *s, bool is_wide) {
    if (s->is_const) { return add_constant(j, dst, s->imm, is_wide); }
    bool src_dies = s->reg != dst && !(j->live_out & REG_BIT(s->reg));
    if (src_dies && is_product(j, s->reg, is_wide)) { return multiply_add(j, dst, dst, s->reg, false, is_wide); }
    if (s->reg != dst && is_product(j, dst, is_wide)) { return multiply_add(j, dst, s->reg, dst, false, is_wide); }
    if (is_wide && s->reg != 10) { return add_sum(j, dst, s->reg); }
    operate_commutative(j, dst, FORM_ADD, s->reg, is_wide);
}

void compile_sub(struct jit *j, uint32_t dst, const struct source *s, bool is_wide) {
    if (s->is_const) { return add_constant(j, dst, is_wide ? -s->imm : (uint32_t)-s->imm, is_wide); }
    bool src_dies = s->reg != dst && !(j->live_out & REG_BIT(s->reg));
    if (src_dies && is_product(j, s->reg, is_wide)) { return multiply_add(j, dst, dst, s->reg, true, is_wide); }
    operate(j, dst, FORM_SUB, dst, s->reg, is_wide);
}

/* x * (2^n + 1) is one addition. */
static void multiply_by_sum(struct jit *j, uint32_t dst, uint32_t shift, bool is_wide) {
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    emit(j, a64_add(rd, rn, amount(shift), rn, A64_SHIFT_LSL, width_of(is_wide)));
    define(j, dst, rd, result_bits(is_wide));
}

void compile_mul(struct jit *j, uint32_t dst, const struct source *s, bool is_wide) {
    if (s->is_const && s->imm == 0) {
        begin_note(j, dst);
        return note_const(j, dst, 0);
    }
    if (s->is_const && is_power_of_two(s->imm)) {
        return derive_field(j, dst, dst, shift_left, log2_of(s->imm), is_wide);
    }
    if (s->is_const && is_power_of_two(s->imm - 1)) { return multiply_by_sum(j, dst, log2_of(s->imm - 1), is_wide); }
    ensure(j, dst, is_wide);
    if (s->is_const) {
        enum a64_reg rd = begin_define(j, dst);
        enum a64_reg rm = constant_reg(j, s->imm, SCRATCH);
        emit(j, a64_madd(rd, reg_of(j, dst), XZR, rm, width_of(is_wide)));
        return define(j, dst, rd, result_bits(is_wide));
    }
    ensure(j, s->reg, is_wide);
    begin_note(j, dst);
    uint64_t shape = SHAPE(VALUE_PRODUCT, reg_of(j, dst), reg_of(j, s->reg)) | SHAPE_NARROW(!is_wide);
    note_shape(j, dst, shape, result_bits(is_wide));
}

/* §4.1 division by zero: UDIV and SDIV give 0, so the quotient is 0 and MSUB leaves the dividend; SDIV of the most negative
 * number by -1 gives that number again (DDI 0487 C6.2, UDIV and SDIV): all as RFC 9669 wants it. */
static void divide(struct jit *j, uint32_t dst, const struct source *s, bool modulo, bool is_signed, bool is_wide) {
    enum a64_width width = width_of(is_wide);
    ensure(j, dst, is_wide);
    if (!s->is_const) { ensure(j, s->reg, is_wide); }
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    enum a64_reg rm = s->is_const ? constant_reg(j, s->imm, SCRATCH2) : reg_of(j, s->reg);
    enum a64_reg quotient = modulo ? SCRATCH : rd;
    emit(j, is_signed ? a64_sdiv(quotient, rn, rm, width) : a64_udiv(quotient, rn, rm, width));
    if (modulo) { emit(j, a64_msub(rd, SCRATCH, rn, rm, width)); }
    define(j, dst, rd, result_bits(is_wide));
}

void compile_divmod(struct jit *j, struct insn insn, const struct source *s, bool is_wide) {
    uint32_t dst = dst_of(insn);
    bool modulo = operation_of(insn) == BPF_ALU_MOD, is_signed = off_of(insn) == 1;
    if (!s->is_const || is_signed || !is_power_of_two(s->imm)) { return divide(j, dst, s, modulo, is_signed, is_wide); }
    derive_field(j, dst, dst, modulo ? keep_low : shift_right, log2_of(s->imm), is_wide);
}
