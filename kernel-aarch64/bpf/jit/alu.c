/* RFC 9669 §4.1 and §4.2. What can be noted is noted; the rest is computed into the home of dst. */

#include "bpf/jit/operation.h"
#include "bpf/jit/select.h"

static struct source source_of(const struct jit *j, struct insn insn, bool is_wide) {
    struct source s = {.is_const = true, .reg = src_of(insn), .imm = (uint64_t)(int64_t)imm_of(insn)};
    if (opcode_of(insn) & BPF_SRC_X) {
        s.is_const = is_const(j, s.reg);
        s.imm = j->values[s.reg].imm;
    }
    if (!is_wide) { s.imm = (uint32_t)s.imm; }
    return s;
}

static void compile_move(struct jit *j, struct insn insn, bool is_wide) {
    uint32_t dst = dst_of(insn), src = src_of(insn), extend = (uint32_t)off_of(insn);
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
    if (extend && src_bits(j, src) >= extend) { return derive_field(j, dst, src, sign_extend, extend, is_wide); }
    if (!is_wide && src_bits(j, src) > 32) { return derive_field(j, dst, src, keep_low, 32, true); }
    copy_value(j, dst, src);
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

/* §4.2. REV and REV16: DDI 0487 C6.2. */
static void compile_swap(struct jit *j, struct insn insn, bool is_wide) {
    uint32_t dst = dst_of(insn), size = (uint32_t)imm_of(insn), known = dst_bits(j, dst);
    bool swap = is_wide || opcode_of(insn) & BPF_SRC_X;
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
    copy_value(j, dst, s->reg);
    j->facts_here &= ~(uint32_t)FACT_DST_UPPER_ZERO; /* was about the constant */
    *s = (struct source){.is_const = true, .reg = s->reg, .imm = is_wide ? imm : (uint32_t)imm};
}

static void compile_binary(struct jit *j, struct insn insn, bool is_wide) {
    uint32_t dst = dst_of(insn), op = operation_of(insn);
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

void compile_alu(struct jit *j, struct insn insn) {
    bool is_wide = class_of(insn) == BPF_CLASS_ALU64;
    switch (operation_of(insn)) {
    case BPF_ALU_MOV: return compile_move(j, insn, is_wide);
    case BPF_ALU_NEG: return compile_negate(j, dst_of(insn), is_wide);
    case BPF_ALU_END: return compile_swap(j, insn, is_wide);
    default: return compile_binary(j, insn, is_wide);
    }
}
