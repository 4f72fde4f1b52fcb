/* RFC 9669 §4.3: compares fused with their branches, calls, exits. Forward branches wait in a chain at their target. */

#include "bpf/jit/hoist.h"
#include "bpf/jit/operand.h"
#include "bpf/jit/scan.h"
#include "bpf/jit/select.h"

/* Words that one slot compiles to at most; decides whether a forward TBZ is sure to reach. */
#define MAX_WORDS_PER_SLOT 16u
#define TBZ_REACH_WORDS 8191u

/* Where the distance stands in a branch: imm26 of B and BL, imm14 of TBZ and TBNZ, imm19 of the others (DDI 0487 C6.2). */
struct distance_field {
    uint32_t low, width;
};

static struct distance_field distance_field(uint32_t branch) {
    if ((branch & 0x7c000000u) == 0x14000000u) { return (struct distance_field){0, 26}; }
    if ((branch & 0x7e000000u) == 0x36000000u) { return (struct distance_field){5, 14}; }
    return (struct distance_field){5, 19};
}

static uint32_t get_distance(uint32_t branch) {
    struct distance_field f = distance_field(branch);
    return (branch >> f.low) & ((1u << f.width) - 1);
}

static uint32_t set_distance(uint32_t branch, uint32_t distance) {
    struct distance_field f = distance_field(branch);
    uint32_t mask = ((1u << f.width) - 1) << f.low;
    return (branch & ~mask) | ((distance << f.low) & mask);
}

static bool is_call(uint32_t branch) { return branch >> 26 == 0x25; }

/* Calls go to the prologue of an entry, jumps go behind it. */
static uint32_t words_skipped(const struct jit *j, uint32_t slot, uint32_t branch) {
    return (j->slots[slot] & SLOT_ENTRY) && !is_call(branch) ? j->function.prologue_words : 0;
}

/* Emits a branch whose distance is still 0, to a slot that may not have been compiled yet. */
static void emit_branch(struct jit *j, uint32_t branch, uint32_t target) {
    uint32_t *slot = &j->slots[target], known = *slot & SLOT_WORD;
    if (*slot & SLOT_EMITTED) {
        return emit(j, set_distance(branch, known + words_skipped(j, target, branch) - j->words));
    }
    uint32_t link = known ? j->words - (known - 1) : 0;
    if (j->words < MAX_CODE_WORDS) { *slot = (*slot & ~SLOT_WORD) | (j->words + 1); }
    emit(j, set_distance(branch, link));
}

void complete_branches(struct jit *j, uint32_t slot, uint32_t head) {
    if (j->words > j->capacity) { return; }
    for (uint32_t at = head - 1, link = head; link; at -= link) {
        uint32_t branch = j->out[at];
        link = get_distance(branch);
        j->out[at] = set_distance(branch, j->words + words_skipped(j, slot, branch) - at);
    }
}

/* Whether a TBZ to `target` is sure to reach, and its field can hold the link of the chain. */
static bool tbz_reaches(const struct jit *j, uint32_t target) {
    uint32_t known = j->slots[target] & SLOT_WORD;
    if (j->slots[target] & SLOT_EMITTED) { return j->words - known < TBZ_REACH_WORDS; }
    return (target - j->slot) * MAX_WORDS_PER_SLOT < TBZ_REACH_WORDS && (!known || j->words - known < TBZ_REACH_WORDS);
}

/* The test that no jump of eBPF has: (dst & src) == 0. */
#define OP_JCLEAR 0xe0u

/* One compare-and-branch: dst <op> src or constant, at a width. */
struct test {
    uint32_t op, dst, src, target;
    bool is_const;
    uint64_t imm; /* sign-extended, or cut to 32 bits */
    enum a64_width width;
};

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

/* The test that holds when this one does not. */
static uint32_t invert(uint32_t op) {
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

static enum a64_reg operand_reg(struct jit *j, uint32_t reg, enum a64_width width) {
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
static void branch_on_bit(struct jit *j, enum a64_reg rt, uint32_t bit, bool if_set, uint32_t target) {
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
static void branch_on_mask(struct jit *j, enum a64_reg rn, uint64_t imm, enum a64_width width, bool if_set,
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

static void test_bits(struct jit *j, const struct test *t) {
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
static bool try_test_part(struct jit *j, const struct test *t, bool if_zero) {
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

/* Unsigned compares with 0 and 1, and signed ones with 1 and -1, as compares with 0. */
static uint32_t as_zero_test(const struct test *t) {
    uint64_t minus_one = t->width == A64_WIDTH_X ? UINT64_MAX : UINT32_MAX;
    if (t->imm == 0) {
        if (t->op == BPF_JMP_JGT) { return BPF_JMP_JNE; }
        return t->op == BPF_JMP_JLE ? BPF_JMP_JEQ : t->op;
    }
    if (t->imm == 1) {
        if (t->op == BPF_JMP_JGE) { return BPF_JMP_JNE; }
        return t->op == BPF_JMP_JLT ? BPF_JMP_JEQ : 0;
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
static bool try_neighbour(const struct test *t, uint64_t *imm, uint32_t *op) {
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

static void compare_constant(struct jit *j, const struct test *t) {
    uint32_t zero_op = as_zero_test(t);
    if (zero_op && try_test_zero(j, t, zero_op)) { return; }
    enum a64_reg rn = operand_reg(j, t->dst, t->width);
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

static void compare_registers(struct jit *j, const struct test *t) {
    uint32_t a = t->dst, b = t->src, op = t->op;
    struct operand operand;
    if (j->values[a].kind == VALUE_FIELD && j->values[b].kind != VALUE_FIELD) { a = t->src, b = t->dst, op = mirror(op); }
    if (!try_operand(j, b, FORM_SUBS, t->width, &operand)) { operand_reg(j, b, t->width); }
    enum a64_reg rn = operand_reg(j, a, t->width);
    if (!try_operand(j, b, FORM_SUBS, t->width, &operand)) { return; }
    emit_operation(j, FORM_SUBS, XZR, rn, &operand, t->width);
    emit_condition(j, condition_of(op), t->target);
}

/* First slot after another that will be compiled. */
static uint32_t next_reached_after(const struct jit *j, uint32_t slot) {
    uint32_t next = slot + 1;
    while (next < j->program->count && !slot_reached(j, next)) { next++; }
    return next;
}

static uint32_t next_reached(const struct jit *j) { return next_reached_after(j, j->slot); }

static struct test test_of(const struct jit *j, struct bpf_insn insn, uint32_t target) {
    struct test t = {
        .op = insn.opcode & 0xf0u,
        .dst = insn_dst(insn),
        .src = insn_src(insn),
        .target = target,
        .is_const = true,
        .imm = (uint64_t)(int64_t)insn.imm,
        .width = insn_class(insn) == BPF_CLASS_JMP ? A64_WIDTH_X : A64_WIDTH_W,
    };
    if (insn.opcode & BPF_SRC_X) {
        bool swap = is_const(j, t.dst) && !is_const(j, t.src);
        if (swap) { t.op = mirror(t.op), t.dst = insn_src(insn), t.src = insn_dst(insn); }
        t.is_const = is_const(j, t.src);
        t.imm = j->values[t.src].imm;
    }
    if (t.width == A64_WIDTH_W) { t.imm = (uint32_t)t.imm; }
    return t;
}

/* On the way where dst equals a constant its register holds that constant for whoever needs it there. */
static uint32_t found_by_test(struct jit *j, const struct test *t) {
    if (!t->is_const || t->op != BPF_JMP_JEQ || t->width != A64_WIDTH_X || !is_reg(j, t->dst)) { return 0; }
    enum a64_reg phys = value_reg(j, t->dst);
    uint32_t found = 0;
    for (uint32_t left = j->pending & slot_live(j, t->target); left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        uint32_t expected = reg == 0 && expects_r0_in_x0(j, t->target) ? X0 : j->home[reg];
        if (is_const(j, reg) && j->values[reg].imm == t->imm && expected == phys) { found |= REG_BIT(reg); }
    }
    return found;
}

static void emit_test(struct jit *j, const struct test *t) {
    if (t->op == BPF_JMP_JSET || t->op == OP_JCLEAR) { return test_bits(j, t); }
    if (t->is_const) { return compare_constant(j, t); }
    compare_registers(j, t);
}

/* The label wants r0 in x0, which r1 holds until the jump is taken (scan.c, finds_zero): r0 moves on that way only. */
static void branch_over_move(struct jit *j, const struct test *t) {
    settle_for_label(j, t->target, 1);
    enum a64_reg rn = operand_reg(j, t->dst, t->width);
    uint32_t skip = j->words;
    struct a64_target19 over;
    emit(j, 0);
    write_value(j, 0, X0);
    emit_branch(j, a64_b((struct a64_target26){0}), t->target);
    if (skip < j->capacity && try_target19((int64_t)j->words - skip, &over)) {
        j->out[skip] = a64_cbnz(rn, over, t->width);
    }
    j->barrier = j->words;
}

static void compile_branch(struct jit *j, struct bpf_insn insn, uint32_t target) {
    struct test t = test_of(j, insn, target);
    uint32_t found = found_by_test(j, &t);
    bool r0_to_x0 = expects_r0_in_x0(j, target) && !(found & 1);
    if (r0_to_x0 && j->live_in & REG_BIT(1)) { return branch_over_move(j, &t); }
    settle_for_label(j, target, found);
    emit_test(j, &t);
}

/* A branch over a jump, as clang ends loops: one branch to where the jump goes, if nobody else comes to that jump. */
static bool try_invert(struct jit *j, struct bpf_insn insn, uint32_t target) {
    uint32_t over = j->slot + 1;
    if (next_reached(j) != over || j->slots[over] & (SLOT_TARGET | SLOT_ENTRY)) { return false; }
    struct bpf_insn jump = j->program->insns[over];
    if (!is_jump_class(jump) || jump_flow(jump, j->facts->flags[over]) != FLOW_JUMP) { return false; }
    if (target != next_reached_after(j, over)) { return false; }
    uint32_t to = jump_target(jump, over);
    if (expects_r0_in_x0(j, to) && j->live_in & REG_BIT(1)) { return false; }
    settle_for_label(j, to, 0);
    struct test t = test_of(j, insn, to);
    t.op = invert(t.op);
    emit_test(j, &t);
    j->skipped = over;
    return true;
}

static void compile_goto(struct jit *j, uint32_t target) {
    settle_for_label(j, target, 0);
    if (target == next_reached(j) && !(j->slots[target] & SLOT_ENTRY)) { return; }
    emit_branch(j, a64_b((struct a64_target26){0}), target);
}

/* AAPCS64: x0..x17 and x30 are lost over a call; the result is in x0. */
static void prepare_call(struct jit *j, uint32_t arguments) {
    drop_unread(j, 0);
    for (uint32_t reg = 1; reg <= 5; reg++) {
        if (arguments & REG_BIT(reg)) { settle(j, reg); }
    }
    for (uint32_t reg = 6; reg < 10; reg++) {
        if (j->live_out & REG_BIT(reg)) { settle(j, reg); }
    }
}

static void finish_call(struct jit *j) {
    forget_pending(j);
    define(j, 0, X0, 64);
}

static void call_helper(struct jit *j, uint32_t id) {
    uint64_t address = id < HELPER_ID_LIMIT ? j->environment->helper_addr[id] : 0;
    prepare_call(j, helper_arguments(id));
    int64_t distance = (int64_t)(address - (j->environment->code_addr + 4ull * j->words)) / 4;
    struct a64_target26 near;
    if (try_target26(distance, &near)) {
        emit(j, a64_bl(near));
    } else {
        emit_constant(j, SCRATCH, address);
        emit(j, a64_blr(SCRATCH));
    }
    finish_call(j);
}

static void call_local(struct jit *j, uint32_t target) {
    prepare_call(j, j->live_in & ARGUMENT_REGS);
    emit_branch(j, a64_bl((struct a64_target26){0}), target);
    finish_call(j);
}

static void compile_exit(struct jit *j) {
    if (!(is_reg(j, 0) && value_reg(j, 0) == X0)) { write_value(j, 0, X0); }
    emit_return(j);
}

void compile_jump(struct jit *j, struct bpf_insn insn) {
    switch (jump_flow(insn, j->facts->flags[j->slot])) {
    case FLOW_NEXT: return;
    case FLOW_JUMP: return compile_goto(j, jump_target(insn, j->slot));
    case FLOW_BRANCH: {
        uint32_t target = jump_target(insn, j->slot);
        if (!try_invert(j, insn, target)) { compile_branch(j, insn, target); }
        return;
    }
    case FLOW_CALL_HELPER: return call_helper(j, (uint32_t)insn.imm);
    case FLOW_CALL_LOCAL: return call_local(j, jump_target(insn, j->slot));
    case FLOW_EXIT: return compile_exit(j);
    }
}
