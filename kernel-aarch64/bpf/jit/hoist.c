#include "bpf/jit/hoist.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/value.h"

/* Longest stretch that is looked at; a loop that does not end within it keeps its constants inside. */
#define MAX_LOOP_SLOTS 512u

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

bool needs_register(const struct jit *j, struct insn insn, uint32_t slot, uint64_t *value) {
    uint32_t class = class_of(insn);
    if (loads_function(insn)) { return false; }
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

static void collect(struct jit *j, uint64_t value) {
    for (uint32_t i = 0; i < j->hoisted_count; i++) {
        if (j->hoisted[i] == value) { return; }
    }
    j->hoisted[j->hoisted_count++] = value;
}

static void collect_constants(struct jit *j, uint32_t slot, uint32_t last) {
    const struct bpf_insn *insns = j->program->insns;
    uint64_t value;
    j->hoisted_count = 0;
    for (last = last < j->last_constant ? last : j->last_constant; slot <= last && j->hoisted_count < j->hoisted_limit; slot++) {
        if (!(effects[insns[slot].opcode] & EFFECT_TAKES_CONSTANT) || !slot_reached(j, slot)) { continue; }
        struct insn insn = insn_at(j, slot);
        if (!is_small(insn) && needs_register(j, insn, slot, &value)) { collect(j, value); }
    }
}

/* Whether a slot where straight code begins or ends rules hoisting out: atomics and calls use the registers that would hold the
 * constants; a jump from before the loop may wait for it, a call come to it. */
static bool blocks(const struct jit *j, uint32_t head, uint32_t slot) {
    struct insn insn = insn_at(j, slot);
    if (slot != head && j->slots[slot] & (SLOT_WORD | SLOT_ENTRY)) { return true; }
    return is_jump_class(insn) ? operation_of(insn) == BPF_JMP_CALL : effects[opcode_of(insn)] & EFFECT_IS_SPECIAL;
}

bool is_reentered(const struct jit *j, uint32_t head, uint32_t *last) {
    for (const struct back *back = j->backs; back->last > *last; back++) {
        if (back->head <= head || back->head > *last) { continue; }
        *last = back->last;
        return true;
    }
    return false;
}

void hoist_constants(struct jit *j, uint32_t head) {
    uint32_t last = last_jump_back(j, head);
    if (head < j->hoisted_end || head > j->last_constant || last == j->program->count) { return; }
    while (is_reentered(j, head, &last)) {}
    if (last - head >= MAX_LOOP_SLOTS) { return; }
    for (uint32_t slot = head; (slot = find_break(j, slot, last + 1)) <= last; slot++) {
        if (blocks(j, head, slot)) { return; }
    }
    collect_constants(j, head, last);
    if (!j->hoisted_count) { return; }
    for (uint32_t i = 0; i < j->hoisted_count; i++) { emit_constant(j, (enum a64_reg)(HOISTED_FIRST + i), j->hoisted[i]); }
    j->hoisted_end = last + 1;
}

enum a64_reg hoisted_reg(const struct jit *j, uint64_t value) {
    for (uint32_t i = 0; j->slot < j->hoisted_end && i < j->hoisted_count; i++) {
        if (j->hoisted[i] == value) { return (enum a64_reg)(HOISTED_FIRST + i); }
    }
    return SCRATCH;
}

enum a64_reg constant_reg(struct jit *j, uint64_t value, enum a64_reg scratch) {
    enum a64_reg hoisted = hoisted_reg(j, value);
    if (hoisted != SCRATCH) { return hoisted; }
    emit_constant(j, scratch, value);
    return scratch;
}
