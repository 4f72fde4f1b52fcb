#include "bpf/jit/down.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/operation.h"

/* Longest loop that is looked at. */
#define MAX_LOOP_SLOTS 64u

/* Whether the loop is left where the number is not below the other, and so the test not come to again. */
static bool leaves(const struct jit *j, uint32_t head, uint32_t last, uint32_t slot) {
    struct insn insn = insn_at(j, slot);
    uint32_t op = operation_of(insn), target = jump_target(insn, slot);
    if (op == BPF_JMP_JNE || op == BPF_JMP_JEQ) { return true; } /* matters for order only */
    if (op == BPF_JMP_JLT) {
        if (slot == last) { return true; }
        struct insn next = insn_at(j, slot + 1);
        target = jump_target(next, slot + 1);
        if (!slot_reached(j, slot + 1) || !is_jump_class(next) || jump_flow(next, 0) != FLOW_JUMP) { return false; }
    }
    return target - head > last - head;
}

/* A test of a number that was 0 before the loop against another register, RFC 9669 §4.3. */
static bool is_test(const struct jit *j, uint32_t slot) {
    struct insn insn = insn_at(j, slot);
    uint32_t op = operation_of(insn), counter = dst_of(insn);
    bool compares = op == BPF_JMP_JLT || op == BPF_JMP_JGE || op == BPF_JMP_JNE || op == BPF_JMP_JEQ;
    if (!compares || !is_jump_class(insn) || !(opcode_of(insn) & BPF_SRC_X) || !counter || src_of(insn) == 10) { return false; }
    if (!is_const(j, counter) || j->values[counter].imm || j->slots[slot] & (SLOT_TARGET | SLOT_ENTRY)) { return false; }
    return slot_reached(j, slot) && jump_flow(insn, j->facts->flags[slot]) == FLOW_BRANCH;
}

/* Whether it adds 1 to the counter: nothing runs so long that the width matters. */
static bool is_step(struct insn insn) { return (opcode_of(insn) | 3u) == (BPF_CLASS_ALU64 | BPF_ALU_ADD) && imm_of(insn) == 1; }

/* The slot that counts, when nothing else in the loop has the counter or changes what it is compared with, and nobody wants it
 * behind the loop; else 0. A turn that does not come to the test does not count. */
static uint32_t find_step(const struct jit *j, uint32_t head, uint32_t last, uint32_t test) {
    struct insn tests = insn_at(j, test);
    uint32_t counter = dst_of(tests), step = 0;
    if (slot_live(j, last + 1) >> counter & 1) { return 0; }
    for (uint32_t slot = head; slot <= last; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t effect = effects[opcode_of(insn)], target = jump_target(insn, slot);
        bool jumps = effect & EFFECT_IS_JUMP && operation_of(insn) != BPF_JMP_CALL;
        if (j->slots[slot] & SLOT_WORD || (effect & EFFECT_IS_SPECIAL && !jumps)) { return 0; } /* a jump from before waits for it */
        if (jumps && operation_of(insn) != BPF_JMP_EXIT && target - head > last - head && slot_live(j, target) >> counter & 1) { return 0; }
        if (slot == test) { continue; }
        bool sets = effect & EFFECT_SETS_DST, reads = effect & EFFECT_READS_SRC && src_of(insn) == counter;
        if (sets && dst_of(insn) == src_of(tests)) { return 0; }
        if (!reads && dst_of(insn) != counter) { continue; }
        if (step || !is_step(insn)) { return 0; }
        step = slot;
    }
    return step < test && find_break(j, step + 1, test) == test ? step : 0;
}

RARE void count_down(struct jit *j, uint32_t head) {
    uint32_t last = last_jump_back(j, head), step = 0;
    if (j->down_test > head) { return; } /* a loop around this one counts down, and its test is still to come */
    if (last >= j->program->count || last - head >= MAX_LOOP_SLOTS || is_reentered(j, head, &last)) { return; }
    for (uint32_t test = head; (test = find_break(j, test, last + 1)) <= last; test++) {
        if (is_test(j, test) && leaves(j, head, last, test)) { step = find_step(j, head, last, test); }
        if (!step) { continue; }
        uint32_t counter = dst_of(insn_at(j, test));
        set_home(j, counter, j->home[counter]);
        copy_value(j, counter, src_of(insn_at(j, test)));
        j->down_step = step;
        j->down_test = test;
        return;
    }
}

/* What is left of the turns is 0 only before the first one, where it was nothing: then there is no second one. */
RARE void emit_countdown(struct jit *j, const struct test *t) {
    enum a64_reg left = operand_reg(j, t->dst, t->width);
    enum a64_cond cond = t->op == BPF_JMP_JLT ? A64_COND_HI : t->op == BPF_JMP_JGE ? A64_COND_LS : t->op == BPF_JMP_JNE ? A64_COND_NE : A64_COND_EQ;
    emit(j, a64_subs_imm(left, left, (struct a64_arith){1}, t->width));
    emit_branch(j, a64_b_cond(cond, (struct a64_target19){0}), t->target);
}
