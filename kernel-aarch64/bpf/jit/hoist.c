#include "bpf/jit/hoist.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/value.h"

/* Longest stretch that is looked at; a loop that does not end within it keeps its constants inside. */
#define MAX_LOOP_SLOTS 512u

struct loop {
    uint32_t end; /* slot of the last jump back, 0 = none seen yet */
    uint32_t blocked; /* first slot that rules hoisting out, if it lies in the loop */
    uint32_t reentry; /* lowest slot after the head that a jump from behind `end` goes back to */
    uint32_t count, limit;
    uint64_t values[HOISTED_LIMIT];
    uint32_t used_at[HOISTED_LIMIT];
};

static bool is_power_of_two(uint64_t value) { return value && !(value & (value - 1)); }

static bool alu_needs_register(struct insn insn, uint64_t imm, enum a64_width width) {
    struct a64_mask mask;
    uint64_t sign = (uint64_t)(int64_t)imm_of(insn);
    switch (operation_of(insn)) {
    case BPF_ALU_MUL: return imm && !is_power_of_two(imm) && !is_power_of_two(imm - 1);
    case BPF_ALU_DIV:
    case BPF_ALU_MOD: return off_of(insn) == 1 || !is_power_of_two(imm);
    case BPF_ALU_AND: return imm & (imm + 1) && !try_mask(imm, A64_WIDTH_X, &mask) && !try_mask(imm, width, &mask);
    case BPF_ALU_OR:
    case BPF_ALU_XOR: return imm + 1 && imm != UINT32_MAX && !try_mask(imm, width, &mask);
    case BPF_ALU_ADD: return sign + 0xffffff > 2 * 0xffffffull;
    default: return false;
    }
}

static bool compare_needs_register(struct insn insn, uint64_t imm, enum a64_width width) {
    struct a64_arith arith;
    struct a64_mask mask;
    uint64_t negated = width == A64_WIDTH_X ? -imm : (uint32_t)-imm;
    uint32_t op = operation_of(insn);
    if (op == BPF_JMP_JA || op == BPF_JMP_CALL || op == BPF_JMP_EXIT) { return false; }
    if (op == BPF_JMP_JSET) { return !try_mask(imm, width, &mask); }
    return !try_arith(imm, &arith) && !try_arith(negated, &arith);
}

/* Whether the instruction will ask constant_reg() for its immediate, and for which value. */
static bool needs_register(const struct jit *j, struct insn insn, uint32_t slot, uint64_t *value) {
    uint32_t class = class_of(insn);
    if (class == BPF_CLASS_LD && opcode_of(insn)) {
        *value = immediate64_of(j, insn, slot);
        return *value + (1u << 16) > 2u << 16;
    }
    bool wide = class == BPF_CLASS_ALU64 || class == BPF_CLASS_JMP;
    *value = wide ? (uint64_t)(int64_t)imm_of(insn) : (uint32_t)imm_of(insn);
    if (class == BPF_CLASS_ST) {
        uint32_t size = opcode_of(insn) & 0x18u;
        if (size == BPF_SIZE_B) { *value &= 0xffu; }
        if (size == BPF_SIZE_H) { *value &= 0xffffu; }
        if (size == BPF_SIZE_DW) { *value = (uint64_t)(int64_t)imm_of(insn); }
        return imm_of(insn) != 0;
    }
    if (class < BPF_CLASS_ALU || opcode_of(insn) & BPF_SRC_X) { return false; }
    enum a64_width width = wide ? A64_WIDTH_X : A64_WIDTH_W;
    return is_jump_class(insn) ? compare_needs_register(insn, *value, width) : alu_needs_register(insn, *value, width);
}

/* Whether an addition or a compare takes its constant as it is, for sure. */
static bool is_small(struct insn insn) {
    uint32_t op = operation_of(insn);
    return (uint32_t)imm_of(insn) + 4095u <= 2 * 4095u && (is_jump_class(insn) ? op != BPF_JMP_JSET : op == BPF_ALU_ADD);
}

bool takes_register(const struct jit *j, uint32_t slot, uint64_t *value) {
    struct insn insn = insn_at(j, slot);
    return !is_small(insn) && needs_register(j, insn, slot, value);
}

static void collect(struct loop *loop, uint32_t slot, uint64_t value) {
    for (uint32_t i = 0; i < loop->count; i++) {
        if (loop->values[i] == value) { return; }
    }
    if (loop->count == loop->limit) { return; }
    loop->values[loop->count] = value;
    loop->used_at[loop->count++] = slot;
}

/* Atomics and calls use the registers that would hold the constants. */
static bool blocks(struct insn insn) {
    bool atomic = class_of(insn) == BPF_CLASS_STX && (opcode_of(insn) & 0xe0u) == BPF_MODE_ATOMIC;
    return atomic || (is_jump_class(insn) && operation_of(insn) == BPF_JMP_CALL);
}

static void look_at(const struct jit *j, uint32_t head, uint32_t slot, struct loop *loop) {
    struct insn insn = insn_at(j, slot);
    uint32_t effect = effects[opcode_of(insn)], target = jump_target(insn, slot);
    uint64_t value;
    bool entered = slot != head && j->slots[slot] & SLOT_WORD; /* a jump from before the loop waits for this slot */
    if (effect & EFFECT_TAKES_CONSTANT && takes_register(j, slot, &value)) { collect(loop, slot, value); }
    if (SELDOM(entered || (effect & EFFECT_IS_SPECIAL && blocks(insn))) && loop->blocked > slot) { loop->blocked = slot; }
    if (!(effect & EFFECT_IS_JUMP) || target < head || target > slot) { return; }
    enum flow flow = jump_flow(insn, j->facts->flags[slot]);
    if (flow != FLOW_JUMP && flow != FLOW_BRANCH) { return; }
    if (target == head) {
        loop->end = slot;
        loop->reentry = UINT32_MAX; /* what jumped so far lies inside */
    } else if (target < loop->reentry) {
        loop->reentry = target;
    }
}

void hoist_constants(struct jit *j, uint32_t head) {
    struct loop loop = {.blocked = UINT32_MAX, .reentry = UINT32_MAX, .limit = j->hoisted_limit};
    uint32_t slot = head, limit = head + MAX_LOOP_SLOTS, count = j->program->count, *slots = j->slots;
    const struct bpf_insn *insns = j->program->insns;
    if (head < j->hoisted_end || head > j->last_constant) { return; }
    for (; slot < count && slot < limit; slot++) {
        bool plain = (slots[slot] & (SLOT_LOOP | SLOT_WORD)) == SLOT_LOOP;
        if (plain && !(effects[insns[slot].opcode] & (EFFECT_IS_SPECIAL | EFFECT_TAKES_CONSTANT))) { continue; }
        if (!slot_reached(j, slot)) { continue; } /* lies in loops too, without being marked */
        if (!(slots[slot] & SLOT_LOOP)) { break; }
        look_at(j, head, slot, &loop);
    }
    j->hoisted_count = 0;
    if (slot == limit || loop.end == 0 || loop.blocked <= loop.end || loop.reentry <= loop.end) { return; }
    for (uint32_t i = 0; i < loop.count && loop.used_at[i] <= loop.end; i++) {
        j->hoisted[j->hoisted_count++] = loop.values[i];
        emit_constant(j, (enum a64_reg)(HOISTED_FIRST + i), loop.values[i]);
    }
    j->hoisted_end = loop.end + 1;
}

enum a64_reg constant_reg(struct jit *j, uint64_t value, enum a64_reg scratch) {
    for (uint32_t i = 0; j->slot < j->hoisted_end && i < j->hoisted_count; i++) {
        if (j->hoisted[i] == value) { return (enum a64_reg)(HOISTED_FIRST + i); }
    }
    emit_constant(j, scratch, value);
    return scratch;
}
