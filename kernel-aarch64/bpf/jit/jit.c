/* One walk over the program: each slot is selected into A64 as it comes, with liveness known from a scan before. */

#include "bpf/jit/jit.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/scan.h"
#include "bpf/jit/select.h"
#include "bpf/jit/value.h"

static void compile_insn(struct jit *j, struct bpf_insn insn) {
    switch (insn_class(insn)) {
    case BPF_CLASS_LD: return compile_immediate64(j, insn);
    case BPF_CLASS_LDX: return compile_load(j, insn);
    case BPF_CLASS_ST: return compile_store(j, insn);
    case BPF_CLASS_STX:
        if ((insn.opcode & 0xe0u) == BPF_MODE_ATOMIC) { return compile_atomic(j, insn); }
        return compile_store(j, insn);
    case BPF_CLASS_ALU:
    case BPF_CLASS_ALU64: return compile_alu(j, insn);
    default: return compile_jump(j, insn);
    }
}

/* §5.4 */
void compile_immediate64(struct jit *j, struct bpf_insn insn) {
    uint32_t dst = insn_dst(insn), map = (uint32_t)insn.imm % MAX_MAPS_PER_PROGRAM;
    uint64_t high = (uint32_t)j->program->insns[j->slot + 1].imm;
    uint64_t value = high << 32 | (uint32_t)insn.imm;
    if (insn_src(insn) == BPF_PSEUDO_IMM64_MAP) { value = j->environment->map_addr[map]; }
    if (insn_src(insn) == BPF_PSEUDO_IMM64_MAP_VALUE) { value = j->environment->map_value_addr[map] + high; }
    begin_note(j, dst);
    note_const(j, dst, value);
}

/* What the verifier knows of the registers of this instruction. */
static void take_facts(struct jit *j, struct bpf_insn insn, uint8_t flags) {
    uint8_t *dst = &j->bits[insn_dst(insn)], *src = &j->bits[insn_src(insn)];
    if (flags & FACT_DST_UPPER_ZERO && *dst > 32) { *dst = 32; }
    if (flags & FACT_SRC_UPPER_ZERO && *src > 32) { *src = 32; }
}

/* Registers live after a jump, and whether execution goes on behind it. */
static uint32_t live_after_jump(const struct jit *j, struct bpf_insn insn, uint8_t flags, bool *falls) {
    enum flow flow = jump_flow(insn, flags);
    uint32_t next = slot_live(j, j->slot + 1);
    *falls = flow != FLOW_JUMP && flow != FLOW_EXIT;
    if (flow == FLOW_JUMP) { return slot_live(j, jump_target(insn, j->slot)); }
    if (flow == FLOW_BRANCH) { return next | slot_live(j, jump_target(insn, j->slot)); }
    return flow == FLOW_EXIT ? 0 : next;
}

/* Code that is jumped to and fallen into: both ways agree on where everything is. */
static void join(struct jit *j, uint32_t slot, bool falls) {
    if (falls) { settle_for_label(j, slot, 0); }
    place_label(j, slot);
    if (j->slots[slot] & SLOT_BACK) {
        hoist_constants(j, slot);
        j->slots[slot] = (j->slots[slot] & ~SLOT_WORD) | (j->words & SLOT_WORD);
    }
    forget_all(j, j->slots[slot] & SLOT_R0_HOME);
    j->barrier = j->words;
}

static void enter_function(struct jit *j, uint32_t slot, bool falls) {
    uint32_t over = j->words;
    if (falls) {
        settle_for_label(j, slot, 0);
        emit(j, 0);
    }
    scan_function(j, slot);
    j->pending = 0x3ffu; /* homes change with the function */
    j->bits[10] = 64;
    place_label(j, slot);
    emit_prologue(j, slot == 0 && j->environment->features & JIT_BTI);
    struct a64_target26 distance;
    if (falls && over < j->capacity && try_target26((int64_t)j->words - over, &distance)) {
        j->out[over] = a64_b(distance);
    }
    forget_all(j, j->slots[slot] & SLOT_R0_HOME);
    j->barrier = j->words;
}

/* Begins a slot: its label, and what is known when it is reached by falling (`falls`) or by a jump. */
static void begin_slot(struct jit *j, uint32_t slot, bool falls) {
    uint32_t known = j->slots[slot];
    j->slot = slot;
    j->live_in = slot_live(j, slot);
    if (!(known & (SLOT_ENTRY | SLOT_TARGET))) { return place_label(j, slot); }
    j->live_out = j->live_in;
    if (known & SLOT_ENTRY) { return enter_function(j, slot, falls); }
    join(j, slot, falls);
}

/* Returns whether execution goes on to the next slot. */
static bool compile_slot(struct jit *j, uint32_t slot, bool falls) {
    struct bpf_insn insn = j->program->insns[slot];
    uint8_t flags = j->facts->flags[slot];
    begin_slot(j, slot, falls);
    bool goes_on = true;
    if (is_jump_class(insn)) {
        j->live_out = live_after_jump(j, insn, flags, &goes_on);
    } else {
        j->live_out = slot_live(j, slot + 1);
    }
    if (flags & (FACT_DST_UPPER_ZERO | FACT_SRC_UPPER_ZERO)) { take_facts(j, insn, flags); }
    if (effects[insn.opcode] & EFFECT_IS_PURE && !(j->live_out & REG_BIT(insn_dst(insn)))) { return true; }
    compile_insn(j, insn);
    if (is_reg(j, 10)) { restore_frame_pointer(j); }
    return goes_on;
}

static void compile_program(struct jit *j) {
    const struct bpf_insn *insns = j->program->insns;
    uint32_t count = j->program->count;
    bool falls = false;
    for (uint32_t slot = 0; slot < count && j->words <= j->capacity; slot++) {
        bool second_half = insns[slot].opcode == 0;
        if (second_half || !slot_reached(j, slot) || slot == j->skipped) {
            place_label(j, slot);
            continue; /* `falls` stays: a skipped jump was folded into a branch that falls through */
        }
        falls = compile_slot(j, slot, falls);
    }
}

/* What the caller gets of the slots: only their words. */
static void strip_slots(struct jit *j) {
    for (uint32_t slot = 0; slot < j->program->count; slot++) { j->slots[slot] &= SLOT_WORD; }
    j->slots[j->program->count] = j->words;
}

static enum status compile(struct jit *j, struct jit_result *result) {
    static const uint8_t homes[11] = {R0_HOME, X0, X1, X2, X3, X4};
    for (uint32_t reg = 0; reg < 11; reg++) { j->home[reg] = homes[reg]; }
    if (j->capacity > MAX_CODE_WORDS) { j->capacity = MAX_CODE_WORDS; }
    scan_program(j);
    compile_program(j);
    strip_slots(j);
    result->words = j->words;
    return j->words > j->capacity ? STATUS_JIT_TOO_LARGE : STATUS_OK;
}

/* Keeps 16 KiB off the stack of callers that bring the table. */
[[clang::noinline]] static enum status compile_with_own_table(struct jit *j, struct jit_result *result) {
    uint32_t slots[MAX_PROGRAM_INSNS + 1];
    j->slots = slots;
    return compile(j, result);
}

enum status bpf_jit(const struct bpf_program *program, const struct bpf_facts *facts,
                    const struct jit_environment *environment, uint32_t *out, uint32_t capacity_words,
                    uint32_t *word_of_insn, struct jit_result *result) {
    struct jit j = {
        .program = program,
        .facts = facts,
        .environment = environment,
        .slots = word_of_insn,
        .out = out,
        .capacity = capacity_words,
        .skipped = UINT32_MAX,
    };
    return word_of_insn ? compile(&j, result) : compile_with_own_table(&j, result);
}
