#include "bpf/jit/enter.h"
#include "bpf/jit/choice.h"
#include "bpf/jit/down.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/select.h"

/* How far from the head the copy is looked for. */
#define MOST_BEFORE_COPY 8u

/* Nothing but jumps back to this head come back to what lies between it and the last of them. */
static bool is_alone(const struct jit *j, uint32_t head, uint32_t last) {
    for (uint32_t i = 0; i < j->back_count; i++) {
        if (j->backs[i].head > head && j->backs[i].head <= last) { return false; }
    }
    return j->back_count < BACKS;
}

/* A turn that begins with the copy of a register to another, which is dead at the head, as its source is behind the copy: the source
 * comes in the other's home, where each way back to the head leaves it, if it is not there anyway. */
static void carry(struct jit *j, uint32_t head) {
    uint32_t last = last_jump_back(j, head), changed = REG_BIT(1) | REG_BIT(10), live = slot_live(j, head);
    if (!is_alone(j, head, last)) { return; }
    for (uint32_t slot = head, end = find_break(j, head + 1, head + MOST_BEFORE_COPY); slot < end; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t to = dst_of(insn), from = src_of(insn), both = REG_BIT(to) | REG_BIT(from);
        bool narrow = opcode_of(insn) == (BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_X);
        bool copies = (narrow || opcode_of(insn) == (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X)) && off_of(insn) == 0;
        bool whole = !narrow || j->facts->flags[slot] & FACT_SRC_UPPER_ZERO;
        if (copies && whole && !(both & changed) && (live & both) == REG_BIT(from) && (slot_live(j, slot + 1) & both) == REG_BIT(to)) {
            j->carried = (struct carried){.active = REG_BIT(from), .head = head, .copy = UINT32_MAX, .last = last, .to = (uint8_t)from, .from = (uint8_t)to};
            return;
        }
        if (effects[opcode_of(insn)] & EFFECT_SETS_DST) { changed |= REG_BIT(to); }
    }
}

/* The load that the jump would go to comes before it: then nobody jumps there, and what is noted at the end of a turn may become part
 * of the load. */
static uint32_t load_before(struct jit *j, uint32_t target) {
    uint32_t slot = j->slot, facts = j->facts_here, known = j->known, next = target + 1;
    struct insn insn = insn_at(j, target);
    uint32_t op = opcode_of(insn);
    bool loads = op == (BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_W) || op == (BPF_CLASS_LDX | BPF_MODE_MEM | BPF_SIZE_DW);
    if (!loads || !slot_reached(j, target) || j->slots[target] & (SLOT_BACK | SLOT_ENTRY | SLOT_WORD)) { return target; }
    if (!slot_reached(j, next) || j->slots[next] & (SLOT_TARGET | SLOT_ENTRY)) { return target; }
    j->slot = target;
    j->facts_here = j->facts->flags[target];
    uint32_t there = j->known = j->slots[target];
    compile_plain_slot(j, target, insn, effects[op]);
    j->slots[target] = there; /* joined with the load before, it said where that is */
    j->slot = slot;
    j->facts_here = facts;
    j->known = known;
    j->slots[next] |= SLOT_TARGET | SLOT_R0_HOME; /* r1, which owns x0, may live there */
    note_break(j, next);
    return next;
}

uint32_t enter_loop(struct jit *j, uint32_t target) {
    uint32_t head = j->slot + 1;
    bool is_head = j->slots[head] & SLOT_BACK && !(j->slots[head] & (SLOT_ENTRY | SLOT_WORD));
    if (is_head) {
        count_down(j, head);
        target = load_before(j, target);
    }
    settle_for_label(j, target, 0);
    if (is_head) {
        hoist_constants(j, head);
        carry(j, head);
    }
    return target;
}

/* Where it is not taken the home is left what it is. */
void branch_carrying(struct jit *j, const struct test *t, uint32_t except) {
    struct carried *c = &j->carried;
    uint32_t active = c->active;
    enum a64_reg there = (enum a64_reg)j->home[c->from];
    c->active = 0;
    settle_for_label(j, t->target, except | active);
    ensure_reg(j, c->to);
    emit_test(j, t);
    c->active = active;
    if (value_reg(j, c->to) == there || j->words > j->capacity) { return; }
    enum a64_cond cond = branch_to_flags(j);
    emit(j, a64_csel(there, value_reg(j, c->to), cond, there, A64_WIDTH_X));
    emit_branch(j, a64_b_cond(cond, (struct a64_target19){0}), t->target);
}
