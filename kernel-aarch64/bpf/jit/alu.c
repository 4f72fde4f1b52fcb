/* RFC 9669 §4.1 and §4.2. What can be noted is noted; the rest is computed into the home of dst. */

#include "bpf/jit/field.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/operand.h"
#include "bpf/jit/select.h"

/* Right operand: a constant (already cut to 32 bits for a 32-bit operation) or a register. */
struct source {
    bool is_const;
    uint32_t reg;
    uint64_t imm;
};

static struct source source_of(const struct jit *j, struct bpf_insn insn, bool is_wide) {
    struct source s = {.is_const = true, .reg = insn_src(insn), .imm = (uint64_t)(int64_t)insn.imm};
    if (insn.opcode & BPF_SRC_X) {
        s.is_const = is_const(j, s.reg);
        s.imm = j->values[s.reg].imm;
    }
    if (!is_wide) { s.imm = (uint32_t)s.imm; }
    return s;
}

static enum a64_width width_of(bool is_wide) { return is_wide ? A64_WIDTH_X : A64_WIDTH_W; }
static uint32_t result_bits(bool is_wide) { return is_wide ? 64 : 32; }

/* Register of an operand that ensure() was called for, at the width of the operation. */
static void ensure(struct jit *j, uint32_t reg, bool is_wide) {
    if (is_wide) { return ensure_reg(j, reg); }
    ensure_reg32(j, reg);
}
static enum a64_reg reg_of(const struct jit *j, uint32_t reg) { return value_reg32(j, reg); }

static void note_field(struct jit *j, uint32_t dst, struct value f) {
    if (f.width == 0) { return note_const(j, dst, 0); }
    uint32_t bits = field_bits(&f);
    if (f.width == 64 && !f.narrow) { f = (struct value){.kind = VALUE_COPY, .base = f.base}; }
    note(j, dst, f, bits);
}

typedef bool (*field_operation)(struct value *f, uint32_t by, bool is_wide);

static bool shift_left(struct value *f, uint32_t by, bool is_wide) {
    return field_shift_left(f, by) && (is_wide || field_zero_extend(f, 32));
}

static bool shift_right(struct value *f, uint32_t by, bool is_wide) {
    return (is_wide || field_zero_extend(f, 32)) && field_shift_right(f, by);
}

static bool keep_low(struct value *f, uint32_t bits, bool) { return field_zero_extend(f, bits); }

/* The low 32 bits of the base shifted or extended with sign, then zero-extended: not to be combined any further. */
static bool narrow_signed(struct value *f, uint32_t from, uint32_t width) {
    if (f->from || f->to || f->width < 32) { return false; }
    *f = (struct value){.kind = VALUE_FIELD, .base = f->base, .from = (uint8_t)from, .width = (uint8_t)width,
                        .is_signed = true, .narrow = true};
    return true;
}

static bool shift_right_signed(struct value *f, uint32_t by, bool is_wide) {
    return is_wide ? field_shift_right_signed(f, by) : narrow_signed(f, by, 32 - by);
}

static bool sign_extend(struct value *f, uint32_t bits, bool is_wide) {
    return is_wide ? field_sign_extend(f, bits) : narrow_signed(f, 0, bits);
}

/* Sets dst to an operation on the value of src (which may be dst), noted as a field. */
static void derive_field(struct jit *j, uint32_t dst, uint32_t src, field_operation apply, uint32_t by, bool is_wide) {
    struct value f;
    begin_note(j, dst);
    if (!try_field(&j->values[src], &f) || !apply(&f, by, is_wide)) {
        ensure_reg(j, src);
        if (!try_field(&j->values[src], &f) || !apply(&f, by, is_wide)) { return; }
    }
    note_field(j, dst, f);
    if (f.narrow) { j->bits[dst] = 32; }
}

static void copy(struct jit *j, uint32_t dst, uint32_t src) {
    const struct value *v = &j->values[src];
    /* A sum is not copied while it reads its own home: two registers that read each other's could not be settled. */
    bool costly = v->kind == VALUE_SUM || v->kind == VALUE_PRODUCT || (v->kind == VALUE_CONST && v->imm >> 16);
    if (costly && j->live_out & REG_BIT(src)) { ensure_reg(j, src); }
    begin_note(j, dst);
    note(j, dst, j->values[src], j->bits[src]);
}

static void compile_move(struct jit *j, struct bpf_insn insn, bool is_wide) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn), extend = (uint32_t)insn.off;
    struct source s = source_of(j, insn, is_wide);
    if (s.is_const && extend) {
        uint32_t unused = 64 - extend;
        s.imm = (uint64_t)((int64_t)(s.imm << unused) >> unused);
        if (!is_wide) { s.imm = (uint32_t)s.imm; }
    }
    if (s.is_const) {
        begin_note(j, dst);
        return note_const(j, dst, s.imm);
    }
    if (extend && j->bits[src] >= extend) { return derive_field(j, dst, src, sign_extend, extend, is_wide); }
    if (!is_wide && j->bits[src] > 32) { return derive_field(j, dst, src, keep_low, 32, true); }
    copy(j, dst, src);
}

static void compile_shift(struct jit *j, uint32_t dst, uint32_t op, const struct source *s, bool is_wide) {
    field_operation by_constant = op == BPF_ALU_LSH ? shift_left : op == BPF_ALU_RSH ? shift_right : shift_right_signed;
    if (s->is_const) {
        return derive_field(j, dst, dst, by_constant, (uint32_t)s->imm & (is_wide ? 63 : 31), is_wide);
    }
    enum a64_width width = width_of(is_wide);
    ensure(j, dst, is_wide);
    ensure_reg32(j, s->reg); /* the amount is taken modulo the width */
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst), rm = reg_of(j, s->reg);
    switch (op) {
    case BPF_ALU_LSH: emit(j, a64_lslv(rd, rn, rm, width)); break;
    case BPF_ALU_RSH: emit(j, a64_lsrv(rd, rn, rm, width)); break;
    default: emit(j, a64_asrv(rd, rn, rm, width)); break;
    }
    define(j, dst, rd, result_bits(is_wide));
}

/* dst = a <op> b with both in registers, or b folded as a shifted or extended operand. */
static void operate(struct jit *j, uint32_t dst, enum alu_form form, uint32_t a, uint32_t b, bool is_wide) {
    enum a64_width width = width_of(is_wide);
    struct operand operand;
    bool zero = is_const(j, a) && j->values[a].imm == 0;
    if (!zero) { ensure(j, a, is_wide); }
    if (!try_operand(j, b, form, width, &operand)) { ensure(j, b, is_wide); }
    enum a64_reg rd = begin_define(j, dst);
    if (!try_operand(j, b, form, width, &operand)) { return; }
    if (zero && operand.kind == OPERAND_EXTENDED) { /* register 31 is SP in that form */
        emit_constant(j, SCRATCH, 0);
        emit_operation(j, form, rd, SCRATCH, &operand, width);
    } else {
        emit_operation(j, form, rd, zero ? XZR : reg_of(j, a), &operand, width);
    }
    define(j, dst, rd, result_bits(is_wide));
}

static bool is_field(const struct jit *j, uint32_t reg, enum alu_form form, bool is_wide) {
    struct operand ignored;
    return j->values[reg].kind == VALUE_FIELD && try_operand(j, reg, form, width_of(is_wide), &ignored);
}

static void operate_commutative(struct jit *j, uint32_t dst, enum alu_form form, uint32_t src, bool is_wide) {
    bool swap = is_field(j, dst, form, is_wide) && !is_field(j, src, form, is_wide);
    operate(j, dst, form, swap ? src : dst, swap ? dst : src, is_wide);
}

/* dst = dst <op> constant that no immediate form takes. */
static void operate_constant(struct jit *j, uint32_t dst, enum alu_form form, uint64_t imm, bool is_wide) {
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst);
    struct operand operand = {.kind = OPERAND_SHIFTED, .reg = constant_reg(j, imm, SCRATCH)};
    emit_operation(j, form, rd, reg_of(j, dst), &operand, width_of(is_wide));
    define(j, dst, rd, result_bits(is_wide));
}

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
    if (sum == 0) { return note(j, dst, (struct value){.kind = VALUE_COPY, .base = v->base}, 64); }
    note(j, dst, (struct value){.kind = VALUE_ADD_IMM, .base = v->base, .imm = sum}, 64);
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
    note(j, dst, (struct value){.kind = VALUE_SUM, .base = (uint8_t)value_reg(j, base), .index = (uint8_t)operand.reg,
                                .left = (uint8_t)operand.amount, .narrow = operand.kind == OPERAND_EXTENDED}, 64);
}

static void compile_add(struct jit *j, uint32_t dst, const struct source *s, bool is_wide) {
    if (s->is_const) { return add_constant(j, dst, s->imm, is_wide); }
    bool src_dies = s->reg != dst && !(j->live_out & REG_BIT(s->reg));
    if (src_dies && is_product(j, s->reg, is_wide)) { return multiply_add(j, dst, dst, s->reg, false, is_wide); }
    if (s->reg != dst && is_product(j, dst, is_wide)) { return multiply_add(j, dst, s->reg, dst, false, is_wide); }
    if (is_wide && s->reg != 10) { return add_sum(j, dst, s->reg); }
    operate_commutative(j, dst, FORM_ADD, s->reg, is_wide);
}

static void compile_sub(struct jit *j, uint32_t dst, const struct source *s, bool is_wide) {
    if (s->is_const) { return add_constant(j, dst, is_wide ? -s->imm : (uint32_t)-s->imm, is_wide); }
    bool src_dies = s->reg != dst && !(j->live_out & REG_BIT(s->reg));
    if (src_dies && is_product(j, s->reg, is_wide)) { return multiply_add(j, dst, dst, s->reg, true, is_wide); }
    operate(j, dst, FORM_SUB, dst, s->reg, is_wide);
}

static bool is_power_of_two(uint64_t value) { return value && !(value & (value - 1)); }
static uint32_t log2_of(uint64_t value) { return (uint32_t)__builtin_ctzll(value); }

/* x * (2^n + 1) is one addition. */
static void multiply_by_sum(struct jit *j, uint32_t dst, uint32_t shift, bool is_wide) {
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    emit(j, a64_add(rd, rn, amount(shift), rn, A64_SHIFT_LSL, width_of(is_wide)));
    define(j, dst, rd, result_bits(is_wide));
}

static void compile_mul(struct jit *j, uint32_t dst, const struct source *s, bool is_wide) {
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
    note(j, dst, (struct value){.kind = VALUE_PRODUCT, .base = (uint8_t)reg_of(j, dst),
                                .index = (uint8_t)reg_of(j, s->reg), .narrow = !is_wide}, result_bits(is_wide));
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

static void compile_divmod(struct jit *j, struct bpf_insn insn, const struct source *s, bool is_wide) {
    uint32_t dst = insn_dst(insn);
    bool modulo = (insn.opcode & 0xf0u) == BPF_ALU_MOD, is_signed = insn.off == 1;
    if (!s->is_const || is_signed || !is_power_of_two(s->imm)) { return divide(j, dst, s, modulo, is_signed, is_wide); }
    derive_field(j, dst, dst, modulo ? keep_low : shift_right, log2_of(s->imm), is_wide);
}

static void and_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    uint32_t bits = j->bits[dst];
    uint64_t possible = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
    struct a64_mask mask;
    if ((imm & possible) == possible) { return; }
    if ((imm & (imm + 1)) == 0) { return derive_field(j, dst, dst, keep_low, imm ? log2_of(imm + 1) : 0, true); }
    if (try_mask(imm, A64_WIDTH_X, &mask)) {
        ensure_reg(j, dst);
        begin_note(j, dst);
        uint32_t top = 64 - (uint32_t)__builtin_clzll(imm);
        return note(j, dst, (struct value){.kind = VALUE_MASK, .base = j->values[dst].base, .imm = imm},
                    top < bits ? top : bits);
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

static void compile_logical(struct jit *j, uint32_t dst, uint32_t op, const struct source *s, bool is_wide) {
    if (!s->is_const) {
        enum alu_form form = op == BPF_ALU_AND ? FORM_AND : op == BPF_ALU_OR ? FORM_ORR : FORM_EOR;
        return operate_commutative(j, dst, form, s->reg, is_wide);
    }
    bool keeps = op != BPF_ALU_AND && s->imm == 0;
    if (keeps && !is_wide && j->bits[dst] > 32) { return derive_field(j, dst, dst, keep_low, 32, true); }
    if (keeps) { return; }
    if (op == BPF_ALU_AND) { return and_constant(j, dst, s->imm, is_wide); }
    or_xor_constant(j, dst, op, s->imm, is_wide);
}

/* §4.2. REV and REV16: DDI 0487 C6.2. */
static void compile_swap(struct jit *j, struct bpf_insn insn, bool is_wide) {
    uint32_t dst = insn_dst(insn), size = (uint32_t)insn.imm, known = j->bits[dst];
    bool swap = is_wide || insn.opcode & BPF_SRC_X;
    if (!swap) {
        if (known > size) { derive_field(j, dst, dst, keep_low, size, true); }
        return;
    }
    ensure(j, dst, size == 64);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    if (size == 64) {
        emit(j, a64_rev_x(rd, rn));
    } else {
        emit(j, size == 32 ? a64_rev_w(rd, rn) : a64_rev16(rd, rn, A64_WIDTH_W));
    }
    define(j, dst, rd, size == 16 && known > 16 ? 32 : size);
    if (size == 16 && known > 16) { derive_field(j, dst, dst, keep_low, 16, true); }
}

/* Both operands known; what is not listed is computed at run time. */
static bool try_fold(uint32_t op, uint64_t a, uint64_t b, bool is_wide, uint64_t *out) {
    switch (op) {
    case BPF_ALU_ADD: *out = a + b; break;
    case BPF_ALU_SUB: *out = a - b; break;
    case BPF_ALU_MUL: *out = a * b; break;
    case BPF_ALU_OR: *out = a | b; break;
    case BPF_ALU_AND: *out = a & b; break;
    case BPF_ALU_XOR: *out = a ^ b; break;
    case BPF_ALU_LSH: *out = a << (b & (is_wide ? 63 : 31)); break;
    case BPF_ALU_RSH: *out = (is_wide ? a : (uint32_t)a) >> (b & (is_wide ? 63 : 31)); break;
    default: return false;
    }
    if (!is_wide) { *out = (uint32_t)*out; }
    return true;
}

static bool is_commutative(uint32_t op) {
    return op == BPF_ALU_ADD || op == BPF_ALU_MUL || op == BPF_ALU_OR || op == BPF_ALU_AND || op == BPF_ALU_XOR;
}

/* constant <op> register as register <op> constant. */
static void swap_constant(struct jit *j, uint32_t dst, struct source *s, bool is_wide) {
    uint64_t imm = j->values[dst].imm;
    copy(j, dst, s->reg);
    *s = (struct source){.is_const = true, .reg = s->reg, .imm = is_wide ? imm : (uint32_t)imm};
}

static void compile_binary(struct jit *j, struct bpf_insn insn, bool is_wide) {
    uint32_t dst = insn_dst(insn), op = insn.opcode & 0xf0u;
    struct source s = source_of(j, insn, is_wide);
    uint64_t folded;
    if (is_const(j, dst) && s.is_const && try_fold(op, j->values[dst].imm, s.imm, is_wide, &folded)) {
        begin_note(j, dst);
        return note_const(j, dst, folded);
    }
    if (is_const(j, dst) && !s.is_const && is_commutative(op)) { swap_constant(j, dst, &s, is_wide); }
    switch (op) {
    case BPF_ALU_ADD: return compile_add(j, dst, &s, is_wide);
    case BPF_ALU_SUB: return compile_sub(j, dst, &s, is_wide);
    case BPF_ALU_MUL: return compile_mul(j, dst, &s, is_wide);
    case BPF_ALU_DIV:
    case BPF_ALU_MOD: return compile_divmod(j, insn, &s, is_wide);
    case BPF_ALU_LSH:
    case BPF_ALU_RSH:
    case BPF_ALU_ARSH: return compile_shift(j, dst, op, &s, is_wide);
    default: return compile_logical(j, dst, op, &s, is_wide);
    }
}

/* -(one bit) is that bit extended with sign. */
static bool negate_bit(struct value *f, uint32_t, bool is_wide) {
    f->is_signed = true;
    f->narrow = !is_wide;
    return f->width == 1 && f->to == 0;
}

static void compile_negate(struct jit *j, uint32_t dst, bool is_wide) {
    enum a64_width width = width_of(is_wide);
    struct operand operand;
    const struct value *v = &j->values[dst];
    if (v->kind == VALUE_FIELD && !v->is_signed && v->width == 1 && v->to == 0 && (is_wide || v->from < 32)) {
        return derive_field(j, dst, dst, negate_bit, 0, is_wide);
    }
    if (!try_operand(j, dst, FORM_AND, width, &operand)) { ensure(j, dst, is_wide); }
    enum a64_reg rd = begin_define(j, dst);
    if (!try_operand(j, dst, FORM_AND, width, &operand)) { return; }
    emit_operation(j, FORM_SUB, rd, XZR, &operand, width);
    define(j, dst, rd, result_bits(is_wide));
}

void compile_alu(struct jit *j, struct bpf_insn insn) {
    bool is_wide = insn_class(insn) == BPF_CLASS_ALU64;
    switch (insn.opcode & 0xf0u) {
    case BPF_ALU_MOV: return compile_move(j, insn, is_wide);
    case BPF_ALU_NEG: return compile_negate(j, insn_dst(insn), is_wide);
    case BPF_ALU_END: return compile_swap(j, insn, is_wide);
    default: return compile_binary(j, insn, is_wide);
    }
}
