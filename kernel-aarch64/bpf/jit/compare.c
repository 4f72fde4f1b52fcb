/* RFC 9669 §4.3: compares fused with their branches. */

#include "bpf/jit/down.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/operand.h"
#include "bpf/jit/range.h"

static enum a64_cond condition_of(uint32_t op) {
    switch (op) {
    case OP_JCLEAR:
    case BPF_JMP_JEQ: return A64_COND_EQ;
    case BPF_JMP_JGT: return A64_COND_HI;
    case BPF_JMP_JGE: return A64_COND_HS;
    case BPF_JMP_JLT: return A64_COND_LO;
    case BPF_JMP_JLE: return A64_COND_LS;
    case BPF_JMP_JSGT: return A64_COND_GT;
    case BPF_JMP_JSGE: return A64_COND_GE;
    case BPF_JMP_JSLT: return A64_COND_LT;
    case BPF_JMP_JSLE: return A64_COND_LE;
    default: return A64_COND_NE; /* JNE, JSET */
    }
}

uint32_t invert_test(uint32_t op) {
    switch (op) {
    case BPF_JMP_JEQ: return BPF_JMP_JNE;
    case BPF_JMP_JNE: return BPF_JMP_JEQ;
    case BPF_JMP_JGT: return BPF_JMP_JLE;
    case BPF_JMP_JLE: return BPF_JMP_JGT;
    case BPF_JMP_JGE: return BPF_JMP_JLT;
    case BPF_JMP_JLT: return BPF_JMP_JGE;
    case BPF_JMP_JSGT: return BPF_JMP_JSLE;
    case BPF_JMP_JSLE: return BPF_JMP_JSGT;
    case BPF_JMP_JSGE: return BPF_JMP_JSLT;
    case BPF_JMP_JSLT: return BPF_JMP_JSGE;
    default: return OP_JCLEAR;
    }
}

/* a <op> b as b <op'> a */
static uint32_t mirror(uint32_t op) {
    switch (op) {
    case BPF_JMP_JGT: return BPF_JMP_JLT;
    case BPF_JMP_JGE: return BPF_JMP_JLE;
    case BPF_JMP_JLT: return BPF_JMP_JGT;
    case BPF_JMP_JLE: return BPF_JMP_JGE;
    case BPF_JMP_JSGT: return BPF_JMP_JSLT;
    case BPF_JMP_JSGE: return BPF_JMP_JSLE;
    case BPF_JMP_JSLT: return BPF_JMP_JSGT;
    case BPF_JMP_JSLE: return BPF_JMP_JSGE;
    default: return op;
    }
}

static uint32_t size_of(const struct test *t) { return t->width == A64_WIDTH_X ? 64 : 32; }

enum a64_reg operand_reg(struct jit *j, uint32_t reg, enum a64_width width) {
    if (width == A64_WIDTH_W) {
        ensure_reg32(j, reg);
        return value_reg32(j, reg);
    }
    ensure_reg(j, reg);
    return value_reg(j, reg);
}

static void emit_condition(struct jit *j, enum a64_cond cond, uint32_t target) {
    emit_branch(j, a64_b_cond(cond, (struct a64_target19){0}), target);
}

static void branch_on_zero(struct jit *j, enum a64_reg rt, enum a64_width width, bool if_zero, uint32_t target) {
    struct a64_target19 open = {0};
    emit_branch(j, if_zero ? a64_cbz(rt, open, width) : a64_cbnz(rt, open, width), target);
}

/* Branches on one bit; two instructions when the target may be too far for TBZ. */
RARE void branch_on_bit(struct jit *j, enum a64_reg rt, uint32_t bit, bool if_set, uint32_t target) {
    struct a64_target14 open = {0};
    struct a64_mask mask;
    if (tbz_reaches(j, target)) {
        return emit_branch(j, if_set ? a64_tbnz(rt, open, bit_number(bit)) : a64_tbz(rt, open, bit_number(bit)), target);
    }
    if (try_mask(1ull << bit, A64_WIDTH_X, &mask)) { emit(j, a64_ands_imm(XZR, rt, mask, A64_WIDTH_X)); }
    emit_condition(j, if_set ? A64_COND_NE : A64_COND_EQ, target);
}

static bool is_power_of_two(uint64_t value) { return value && !(value & (value - 1)); }

/* Branches if reg & mask is (not) zero. */
RARE static void branch_on_mask(struct jit *j, enum a64_reg rn, uint64_t imm, enum a64_width width, bool if_set,
                           uint32_t target) {
    struct a64_mask mask;
    if (is_power_of_two(imm)) { return branch_on_bit(j, rn, (uint32_t)__builtin_ctzll(imm), if_set, target); }
    if (try_mask(imm, width, &mask)) {
        emit(j, a64_ands_imm(XZR, rn, mask, width));
    } else {
        enum a64_reg rm = constant_reg(j, imm, SCRATCH);
        emit(j, a64_ands(XZR, rn, amount(0), rm, A64_SHIFT_LSL, width));
    }
    emit_condition(j, if_set ? A64_COND_NE : A64_COND_EQ, target);
}

RARE static void test_bits(struct jit *j, const struct test *t) {
    bool if_set = t->op == BPF_JMP_JSET;
    if (t->is_const) {
        enum a64_reg rn = operand_reg(j, t->dst, t->width);
        bool all = t->imm == (t->width == A64_WIDTH_X ? UINT64_MAX : UINT32_MAX);
        if (all) { return branch_on_zero(j, rn, t->width, !if_set, t->target); }
        if (t->imm == 0) { rn = XZR; }
        return branch_on_mask(j, rn, t->imm ? t->imm : 1, t->width, if_set, t->target);
    }
    struct operand operand;
    if (!try_operand(j, t->src, FORM_ANDS, t->width, &operand)) { operand_reg(j, t->src, t->width); }
    enum a64_reg rn = operand_reg(j, t->dst, t->width);
    if (!try_operand(j, t->src, FORM_ANDS, t->width, &operand)) { return; }
    emit_operation(j, FORM_ANDS, XZR, rn, &operand, t->width);
    emit_condition(j, condition_of(t->op), t->target);
}

/* Equality with 0 of a value that is some bits of a register: the bits are tested where they are. */
RARE static bool try_test_part(struct jit *j, const struct test *t, bool if_zero) {
    const struct value *v = &j->values[t->dst];
    enum a64_reg base = (enum a64_reg)v->base;
    if (j->live_out & REG_BIT(t->dst)) { return false; } /* it is computed anyway */
    if (v->kind == VALUE_MASK && t->width == A64_WIDTH_X) {
        branch_on_mask(j, base, v->imm, A64_WIDTH_X, !if_zero, t->target);
        return true;
    }
    if (v->kind != VALUE_FIELD || (t->width == A64_WIDTH_W && v->to + v->width > 32)) { return false; }
    if (v->from == 0 && v->width == 32) {
        branch_on_zero(j, base, A64_WIDTH_W, if_zero, t->target);
        return true;
    }
    uint64_t part = (UINT64_MAX >> (64 - v->width)) << v->from;
    branch_on_mask(j, base, part, A64_WIDTH_X, !if_zero, t->target);
    return true;
}

/* Compares with 0 that need no compare. */
static bool try_test_zero(struct jit *j, const struct test *t, uint32_t op) {
    bool equality = op == BPF_JMP_JEQ || op == BPF_JMP_JNE;
    if (equality) {
        if (try_test_part(j, t, op == BPF_JMP_JEQ)) { return true; }
        branch_on_zero(j, operand_reg(j, t->dst, t->width), t->width, op == BPF_JMP_JEQ, t->target);
        return true;
    }
    if (op != BPF_JMP_JSLT && op != BPF_JMP_JSGE) { return false; }
    enum a64_reg rn = operand_reg(j, t->dst, t->width);
    branch_on_bit(j, rn, size_of(t) - 1, op == BPF_JMP_JSLT, t->target);
    return true;
}

/* Unsigned compares with 0 and 1, signed ones with 1 and -1, and whether one bit is 1, as compares with 0. */
static uint32_t as_zero_test(const struct jit *j, const struct test *t) {
    uint64_t minus_one = t->width == A64_WIDTH_X ? UINT64_MAX : UINT32_MAX;
    if (t->imm == 0) {
        if (t->op == BPF_JMP_JGT) { return BPF_JMP_JNE; }
        return t->op == BPF_JMP_JLE ? BPF_JMP_JEQ : t->op;
    }
    if (t->imm == 1) {
        bool is_bit = j->bits[t->dst] <= 1;
        if (t->op == BPF_JMP_JGE || (is_bit && t->op == BPF_JMP_JEQ)) { return BPF_JMP_JNE; }
        return t->op == BPF_JMP_JLT || (is_bit && t->op == BPF_JMP_JNE) ? BPF_JMP_JEQ : 0;
    }
    if (t->imm != minus_one) { return 0; }
    if (t->op == BPF_JMP_JSGT) { return BPF_JMP_JSGE; }
    return t->op == BPF_JMP_JSLE ? BPF_JMP_JSLT : 0;
}

/* CMP, or CMN with the negated constant. */
static bool try_compare_imm(struct jit *j, enum a64_reg rn, uint64_t imm, enum a64_width width) {
    struct a64_arith arith;
    if (try_arith(imm, &arith)) {
        emit(j, a64_subs_imm(XZR, rn, arith, width));
        return true;
    }
    uint64_t negated = width == A64_WIDTH_X ? -imm : (uint32_t)-imm;
    if (!try_arith(negated, &arith)) { return false; }
    emit(j, a64_adds_imm(XZR, rn, arith, width));
    return true;
}

/* x > K as x >= K + 1 and so on: the other spelling may fit where this one does not. */
RARE static bool try_neighbour(const struct test *t, uint64_t *imm, uint32_t *op) {
    uint64_t max = t->width == A64_WIDTH_X ? UINT64_MAX : UINT32_MAX, smax = max >> 1;
    switch (t->op) {
    case BPF_JMP_JGT: *op = BPF_JMP_JGE, *imm = t->imm + 1; return t->imm != max;
    case BPF_JMP_JLE: *op = BPF_JMP_JLT, *imm = t->imm + 1; return t->imm != max;
    case BPF_JMP_JGE: *op = BPF_JMP_JGT, *imm = t->imm - 1; return t->imm != 0;
    case BPF_JMP_JLT: *op = BPF_JMP_JLE, *imm = t->imm - 1; return t->imm != 0;
    case BPF_JMP_JSGT: *op = BPF_JMP_JSGE, *imm = t->imm + 1; break;
    case BPF_JMP_JSLE: *op = BPF_JMP_JSLT, *imm = t->imm + 1; break;
    case BPF_JMP_JSGE: *op = BPF_JMP_JSGT, *imm = t->imm - 1; return t->imm != smax + 1;
    case BPF_JMP_JSLT: *op = BPF_JMP_JSLE, *imm = t->imm - 1; return t->imm != smax + 1;
    default: return false;
    }
    return t->imm != smax;
}

/* Of numbers with few bits that are compared for order, or stand where such a compare leads to. */
static inline bool may_be_ranged(const struct jit *j, const struct test *t) {
    bool orders = t->op != BPF_JMP_JEQ && t->op != BPF_JMP_JNE;
    return (orders && j->bits[t->dst] <= RANGED_BITS) || is_ranged(j, t->dst);
}

static void compare_constant(struct jit *j, const struct test *t) {
    uint32_t zero_op = as_zero_test(j, t);
    if (zero_op && try_test_zero(j, t, zero_op)) { return; }
    enum a64_reg rn = operand_reg(j, t->dst, t->width);
    if (SELDOM(may_be_ranged(j, t)) && try_test_range(j, t, rn)) { return; }
    uint64_t mask = t->width == A64_WIDTH_X ? UINT64_MAX : UINT32_MAX, imm;
    uint32_t op;
    if (try_compare_imm(j, rn, t->imm, t->width)) { return emit_condition(j, condition_of(t->op), t->target); }
    if (try_neighbour(t, &imm, &op) && try_compare_imm(j, rn, imm & mask, t->width)) {
        return emit_condition(j, condition_of(op), t->target);
    }
    enum a64_reg rm = constant_reg(j, t->imm, SCRATCH);
    emit(j, a64_subs(XZR, rn, amount(0), rm, A64_SHIFT_LSL, t->width));
    emit_condition(j, condition_of(t->op), t->target);
}

RARE static void compare_registers(struct jit *j, const struct test *t) {
    if (j->slot == j->down_test && j->slot) { return emit_countdown(j, t); }
    uint32_t a = t->dst, b = t->src, op = t->op;
    struct operand operand;
    if (j->values[a].kind == VALUE_FIELD && j->values[b].kind != VALUE_FIELD) { a = t->src, b = t->dst, op = mirror(op); }
    if (!try_operand(j, b, FORM_SUBS, t->width, &operand)) { operand_reg(j, b, t->width); }
    enum a64_reg rn = operand_reg(j, a, t->width);
    if (!try_operand(j, b, FORM_SUBS, t->width, &operand)) { return; }
    emit_operation(j, FORM_SUBS, XZR, rn, &operand, t->width);
    emit_condition(j, condition_of(op), t->target);
}

struct test test_of(const struct jit *j, struct insn insn, uint32_t target) {
    struct test t = {
        .op = operation_of(insn),
        .dst = dst_of(insn),
        .src = src_of(insn),
        .target = target,
        .is_const = true,
        .imm = (uint64_t)(int64_t)imm_of(insn),
        .width = class_of(insn) == BPF_CLASS_JMP ? A64_WIDTH_X : A64_WIDTH_W,
    };
    if (opcode_of(insn) & BPF_SRC_X) {
        bool swap = is_const(j, t.dst) && !is_const(j, t.src);
        if (swap) { t.op = mirror(t.op), t.dst = src_of(insn), t.src = dst_of(insn); }
        t.is_const = is_const(j, t.src);
        t.imm = j->values[t.src].imm;
    }
    if (t.width == A64_WIDTH_W) { t.imm = (uint32_t)t.imm; }
    return t;
}

void emit_test(struct jit *j, const struct test *t) {
    if (t->op == BPF_JMP_JSET || t->op == OP_JCLEAR) { return test_bits(j, t); }
    if (t->is_const) { return compare_constant(j, t); }
    compare_registers(j, t);
}
