/* RFC 9669 §4.3: jumps, calls, exits. */

#include "bpf/jit/choice.h"
#include "bpf/jit/enter.h"
#include "bpf/jit/range.h"
#include "bpf/jit/scan.h"
#include "bpf/jit/select.h"
#include "bpf/jit/speculation.h"
#include "bpf/jit/vector.h"

/* First slot after another that will be compiled. */
static uint32_t next_reached_after(const struct jit *j, uint32_t slot) {
    uint32_t next = slot + 1;
    while (next < j->program->count && !slot_reached(j, next)) { next++; }
    return next;
}

static uint32_t next_reached(const struct jit *j) { return next_reached_after(j, j->slot); }

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

/* The label wants r0 in x0, which r1 holds until the jump is taken (scan.c, finds_zero): r0 moves on that way only. */
RARE static void branch_over_move(struct jit *j, const struct test *t) {
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

static void compile_branch(struct jit *j, struct insn insn, uint32_t target) {
    struct test t = test_of(j, insn, target);
    uint32_t found = found_by_test(j, &t);
    bool r0_to_x0 = expects_r0_in_x0(j, target) && !(found & 1);
    if (r0_to_x0 && live_before(j) & REG_BIT(1)) { return branch_over_move(j, &t); }
    if (carries_back(j, target)) { return branch_carrying(j, &t, found); }
    settle_for_label(j, target, found);
    emit_test(j, &t);
}

/* A branch over a jump, as clang ends loops: one branch to where the jump goes, if nobody else comes to that jump; the same for a
 * branch out of a loop before a jump in it, which is taken more often. A branch over a move that is a choice (choice.h). */
static bool try_invert(struct jit *j, struct insn insn, uint32_t target, bool *falls) {
    uint32_t over = j->slot + 1;
    if (over >= j->program->count || !slot_reached(j, over)) { return false; }
    struct insn jump = insn_at(j, over);
    bool skips = target == next_reached_after(j, over);
    if (j->slots[over] & (SLOT_TARGET | SLOT_ENTRY)) { return false; }
    if (!is_jump_class(jump)) { return skips && try_choose(j, insn, over); }
    if (jump_flow(jump, j->facts->flags[over]) != FLOW_JUMP) { return false; }
    uint32_t to = jump_target(jump, over);
    bool leaves = j->slots[to] & SLOT_LOOP && !(j->slots[target] & SLOT_LOOP) && !expects_r0_in_x0(j, target);
    if (!(skips || leaves) || (expects_r0_in_x0(j, to) && live_before(j) & REG_BIT(1))) { return false; }
    struct test t = test_of(j, insn, to);
    t.op = invert_test(t.op);
    if (carries_back(j, to)) {
        branch_carrying(j, &t, 0);
    } else {
        settle_for_label(j, to, 0);
        emit_test(j, &t);
    }
    j->skips_next = true;
    if (!skips) {
        settle_for_label(j, target, 0);
        emit_branch(j, a64_b((struct a64_target26){0}), target);
        *falls = false;
    }
    return true;
}

static void compile_goto(struct jit *j, uint32_t target) {
    if (SELDOM(target > j->slot + 1 && j->slots[j->slot + 1] & SLOT_BACK)) {
        target = enter_loop(j, target);
    } else {
        settle_for_label(j, target, 0);
    }
    if (target == next_reached(j) && !(j->slots[target] & SLOT_ENTRY)) { return forget_range(j, target); }
    emit_branch(j, a64_b((struct a64_target26){0}), target);
}

/* AAPCS64: x0..x17 and x30 are lost over a call; the result is in x0. */
void prepare_call(struct jit *j, uint32_t arguments) {
    drop_unread(j, 0);
    for (uint32_t reg = 1; reg <= 5; reg++) {
        if (arguments & REG_BIT(reg)) { settle(j, reg); }
    }
    for (uint32_t reg = 6; reg < 10; reg++) {
        if (j->live_out & REG_BIT(reg)) { settle(j, reg); }
    }
}

void finish_call(struct jit *j) {
    forget_pending(j);
    define(j, 0, X0, 64);
}

/* Code in place of the call. */
RARE static void call_inlined(struct jit *j) {
    uint32_t number = vector_number(j, j->slot), arguments = vector_arguments(j, j->slot);
    prepare_call(j, number && is_const(j, number) ? arguments & ~REG_BIT(number) : arguments);
    compile_vector(j);
    finish_call(j);
}

static uint64_t helper_address(const struct jit *j, uint32_t id) {
    if (is_vector(id)) { return j->environment->vector_addr[id - VECTOR_ID_FIRST]; }
    uint32_t place = helper_place(id);
    return place < HELPER_PLACES ? j->environment->helper_addr[place] : j->environment->foreign_helper_addr;
}

void emit_call(struct jit *j, uint64_t address) {
    int64_t distance = (int64_t)(address - (j->environment->code_addr + 4ull * j->words)) / 4;
    struct a64_target26 near;
    if (try_target26(distance, &near)) { return emit(j, a64_bl(near)); }
    emit_constant(j, SCRATCH, address);
    emit(j, a64_blr(SCRATCH));
}

RARE static void call_helper(struct jit *j, uint32_t id) {
    uint64_t address = helper_address(j, id);
    if (vector_is_inlined(j, j->slot)) { return call_inlined(j); }
    prepare_call(j, helper_arguments(j, j->slot));
    emit_call(j, address);
    finish_call(j);
}

RARE static void call_local(struct jit *j, uint32_t target) {
    prepare_call(j, live_before(j) & ARGUMENT_REGS);
    emit_branch(j, a64_bl((struct a64_target26){0}), target);
    finish_call(j);
}

RARE static void compile_exit(struct jit *j) {
    if (!(is_reg(j, 0) && value_reg(j, 0) == X0)) { write_value(j, 0, X0); }
    emit_return(j);
}

bool compile_jump(struct jit *j, struct insn insn) {
    uint32_t target = jump_target(insn, j->slot), live_next = slot_live(j, j->slot + 1);
    enum flow flow = jump_flow(insn, (uint8_t)j->facts_here);
    bool falls = true;
    j->live_out = live_next;
    switch (flow) {
    case FLOW_NEXT: return true;
    case FLOW_BRANCH:
        j->live_out = live_next | slot_live(j, target);
        if (!try_invert(j, insn, target, &falls)) { compile_branch(j, insn, target); }
        return falls;
    case FLOW_JUMP:
        j->live_out = slot_live(j, target);
        compile_goto(j, target);
        return false;
    case FLOW_CALL_HELPER:
        if (SELDOM(j->facts_here & FACT_ADDRESS)) { guard_address(j, insn); }
        call_helper(j, (uint32_t)imm_of(insn));
        return true;
    case FLOW_CALL_LOCAL: call_local(j, target); return true;
    default: break;
    }
    j->live_out = 0;
    compile_exit(j);
    return false;
}
