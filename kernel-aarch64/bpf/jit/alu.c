/* RFC 9669 §4.1 and §4.2. What can be noted is noted; the rest is computed into the home of dst. */

#include "bpf/jit/foreign.h"
#include "bpf/jit/operation.h"
#include "bpf/jit/select.h"

static uint64_t immediate_of(struct insn insn) {
    return is_wide_class(insn) ? (uint64_t)(int64_t)imm_of(insn) : (uint32_t)imm_of(insn);
}

static uint64_t extended(uint64_t imm, uint32_t extend) {
    uint32_t unused = 64 - extend;
    return (uint64_t)((int64_t)(imm << unused) >> unused);
}

static void move_constant(struct jit *j, struct insn insn, uint64_t imm) {
    uint32_t dst = dst_of(insn);
    drop_unread(j, dst);
    begin_note(j, dst);
    note_const(j, dst, is_wide_class(insn) ? imm : (uint32_t)imm);
}

RARE static void move_general(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn), extend = (uint32_t)off_of(insn);
    bool is_wide = is_wide_class(insn);
    if (is_foreign(j) && extend == 1) { return compile_cast_to_user(j, insn); }
    if (SELDOM(j->carried.active) && j->slot == j->carried.copy) { /* from now on both are in the home of src */
        drop_unread(j, dst);
        settle(j, src);
    }
    if (is_const(j, src)) {
        uint64_t imm = j->values[src].imm;
        return move_constant(j, insn, extend ? extended(imm, extend) : imm);
    }
    bool sign = extend && src_bits(j, src) >= extend, cut = !is_wide && src_bits(j, src) > 32;
    if (!sign && !cut) { return copy_value(j, dst, src); }
    drop_unread(j, dst);
    if (sign) { return derive_signed(j, dst, src, extend, is_wide); }
    derive_low(j, dst, src, 32);
}

/* A whole register is only noted. */
static inline void compile_move(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    if (!(opcode_of(insn) & BPF_SRC_X)) { return move_constant(j, insn, immediate_of(insn)); }
    bool cut = !is_wide_class(insn) && src_bits(j, src) > 32, special = off_of(insn) || cut || dst == 1 || j->carried.active;
    if (special || !is_reg(j, src) || !is_unread_elsewhere(j, dst)) { return move_general(j, insn); }
    note_shape(j, dst, j->values[src].shape, src_bits(j, src));
}

RARE static void shift_register(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    bool is_wide = is_wide_class(insn);
    enum a64_width width = width_of(is_wide);
    ensure(j, dst, is_wide);
    ensure_reg32(j, src); /* the amount is taken modulo the width */
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst), rm = reg_of(j, src);
    switch (operation_of(insn)) {
    case BPF_ALU_LSH: emit(j, a64_lslv(rd, rn, rm, width)); break;
    case BPF_ALU_RSH: emit(j, a64_lsrv(rd, rn, rm, width)); break;
    default: emit(j, a64_asrv(rd, rn, rm, width)); break;
    }
    define(j, dst, rd, result_bits(is_wide));
}

/* §4.2. REV and REV16: DDI 0487 C6.2. */
RARE static void compile_swap(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), size = (uint32_t)imm_of(insn), known = dst_bits(j, dst);
    bool swap = is_wide_class(insn) || opcode_of(insn) & BPF_SRC_X;
    if (!swap) {
        if (known > size) { derive_low(j, dst, dst, size); }
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
    if (size == 16 && known > 16) { derive_low(j, dst, dst, 16); }
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

RARE static void compile_negate(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn);
    bool is_wide = is_wide_class(insn);
    enum a64_width width = width_of(is_wide);
    struct operand operand;
    const struct value *v = &j->values[dst];
    if (v->kind == VALUE_FIELD && !v->is_signed && v->width == 1 && v->to == 0 && (is_wide || v->from < 32)) {
        return derive_negated_bit(j, dst, is_wide);
    }
    if (!try_operand(j, dst, FORM_AND, width, &operand)) { ensure(j, dst, is_wide); }
    enum a64_reg rd = begin_define(j, dst);
    if (!try_operand(j, dst, FORM_AND, width, &operand)) { return; }
    emit_operation(j, FORM_SUB, rd, XZR, &operand, width);
    define(j, dst, rd, result_bits(is_wide));
}

/* dst = constant <op> constant, when it can be told here. */
RARE static bool try_fold_into(struct jit *j, struct insn insn, uint64_t imm) {
    uint32_t dst = dst_of(insn);
    uint64_t folded;
    if (!try_fold(operation_of(insn), j->values[dst].imm, imm, is_wide_class(insn), &folded)) { return false; }
    begin_note(j, dst);
    note_const(j, dst, folded);
    return true;
}

static inline void compute_with_constant(struct jit *j, struct insn insn, uint64_t imm) {
    uint32_t dst = dst_of(insn);
    bool is_wide = is_wide_class(insn);
    uint32_t by = (uint32_t)imm & (is_wide ? 63 : 31);
    switch (operation_of(insn)) {
    case BPF_ALU_ADD: return add_constant(j, dst, imm, is_wide);
    case BPF_ALU_SUB: return add_constant(j, dst, is_wide ? -imm : (uint32_t)-imm, is_wide);
    case BPF_ALU_MUL: return multiply_constant(j, dst, imm, is_wide);
    case BPF_ALU_LSH: return derive_shift_left(j, dst, by, is_wide);
    case BPF_ALU_RSH: return derive_shift_right(j, dst, by, is_wide);
    case BPF_ALU_ARSH: return derive_shift_right_signed(j, dst, by, is_wide);
    case BPF_ALU_AND: return and_constant(j, dst, imm, is_wide);
    case BPF_ALU_OR: return or_constant(j, dst, imm, is_wide);
    case BPF_ALU_XOR: return xor_constant(j, dst, imm, is_wide);
    default: return divide_constant(j, insn, imm);
    }
}

RARE static void fold_or_compute(struct jit *j, struct insn insn, uint64_t imm) {
    if (!try_fold_into(j, insn, imm)) { compute_with_constant(j, insn, imm); }
}

/* Needs no frame where nothing is folded. */
static void compile_with_constant(struct jit *j, struct insn insn, uint64_t imm) {
    if (is_const(j, dst_of(insn))) { return fold_or_compute(j, insn, imm); }
    compute_with_constant(j, insn, imm);
}

/* constant <op> register as register <op> constant. */
RARE static void compile_swapped(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn);
    uint64_t imm = j->values[dst].imm;
    copy_value(j, dst, src_of(insn));
    j->facts_here &= ~(uint32_t)FACT_DST_UPPER_ZERO; /* was about the constant */
    compile_with_constant(j, insn, is_wide_class(insn) ? imm : (uint32_t)imm);
}

static void compile_with_register(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn), op = operation_of(insn);
    bool is_wide = is_wide_class(insn);
    if (is_const(j, dst) && is_commutative(op)) { return compile_swapped(j, insn); }
    switch (op) {
    case BPF_ALU_ADD: return add_register(j, dst, src, is_wide);
    case BPF_ALU_SUB: return subtract_register(j, dst, src, is_wide);
    case BPF_ALU_MUL: return multiply_register(j, dst, src, is_wide);
    case BPF_ALU_AND: return operate_commutative(j, dst, FORM_AND, src, is_wide);
    case BPF_ALU_OR: return operate_commutative(j, dst, FORM_ORR, src, is_wide);
    case BPF_ALU_XOR: return operate_commutative(j, dst, FORM_EOR, src, is_wide);
    case BPF_ALU_DIV:
    case BPF_ALU_MOD: return divide_register(j, insn);
    default: return shift_register(j, insn);
    }
}

void compile_alu(struct jit *j, struct insn insn) {
    switch (operation_of(insn)) {
    case BPF_ALU_MOV: return compile_move(j, insn);
    case BPF_ALU_NEG: return compile_negate(j, insn);
    case BPF_ALU_END: return compile_swap(j, insn);
    default: break;
    }
    if (!(opcode_of(insn) & BPF_SRC_X)) { return compile_with_constant(j, insn, immediate_of(insn)); }
    uint32_t src = src_of(insn);
    if (!is_const(j, src)) { return compile_with_register(j, insn); }
    uint64_t imm = j->values[src].imm;
    compile_with_constant(j, insn, is_wide_class(insn) ? imm : (uint32_t)imm);
}
