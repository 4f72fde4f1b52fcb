/* One walk over the program: each slot is selected into A64 as it comes, with liveness known from a scan before. */

#include "bpf/jit/jit.h"
#include "bpf/jit/ahead.h"
#include "bpf/jit/bytes.h"
#include "bpf/jit/down.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/foreign.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/range.h"
#include "bpf/jit/scan.h"
#include "bpf/jit/select.h"
#include "bpf/jit/speculation.h"
#include "bpf/jit/unroll.h"
#include "bpf/jit/value.h"
#include <stddef.h>

RARE static void compile_other(struct jit *j, struct insn insn) {
    if (class_of(insn) != BPF_CLASS_LD) { return compile_atomic(j, insn); }
    if (opcode_of(insn) & 0xe0u) { return is_foreign(j) ? compile_foreign_packet_load(j, insn) : compile_packet_load(j, insn); }
    if (loads_function(insn)) { return compile_function_address(j, insn); }
    compile_immediate64(j, insn);
}

static inline void compile_insn(struct jit *j, struct insn insn, uint32_t effect) {
    uint32_t kind = effect >> EFFECT_KIND_SHIFT & 3;
    if (kind == KIND_ALU) { return compile_alu(j, insn); }
    if (kind == KIND_LOAD) { return compile_load(j, insn); }
    if (kind == KIND_STORE) { return compile_store(j, insn); }
    compile_other(j, insn);
}

/* §5.4 */
RARE void compile_immediate64(struct jit *j, struct insn insn) {
    if (opcode_of(insn) == 0) { return; } /* its second slot */
    uint32_t dst = dst_of(insn);
    drop_unread(j, dst);
    begin_note(j, dst);
    note_const(j, dst, immediate64_of(j, insn, j->slot));
}

/* Code that is jumped to and fallen into: both ways agree on where everything is. */
void join_label(struct jit *j, uint32_t slot, bool falls) {
    if (falls) { settle_for_label(j, slot, 0); }
    uint32_t known = place_label(j, slot);
    if (known & SLOT_BACK) {
        j->guard_word = 0;
        hoist_constants(j, slot);
        j->slots[slot] = (j->slots[slot] & ~SLOT_WORD) | (j->words & SLOT_WORD);
    }
    forget_all(j, known & SLOT_R0_HOME);
    if (SELDOM(j->carried.active) && slot == j->carried.head) { define(j, j->carried.to, (enum a64_reg)j->home[j->carried.from], 64); }
    j->barrier = j->words;
}

/* Nothing falls into one: the verifier refuses that, and jumps from one into another. */
[[clang::noinline]] static void enter_function(struct jit *j, uint32_t slot) {
    scan_function(j, slot);
    j->guard_word = 0;
    j->pending = 0x7ffu; /* homes change with the function */
    j->bits[10] = 64;
    uint32_t known = place_label(j, slot);
    emit_prologue(j, begins_called(j, slot) && j->environment->features & JIT_BTI);
    if (is_foreign(j)) { enter_arena(j, slot); }
    forget_all(j, known & SLOT_R0_HOME || live_before(j) & REG_BIT(1));
    j->barrier = j->words;
}

/* A head that is fallen into, too. */
[[clang::noinline]] static void begin_loop(struct jit *j, uint32_t slot) {
    uint32_t next = compile_counted_loop(j, slot);
    if (next != slot) {
        j->resume = next;
        return;
    }
    count_down(j, slot);
    compile_ahead(j, slot);
    join_label(j, slot, true);
}

/* A slot that jumps or calls come to. */
RARE static void begin_label(struct jit *j, uint32_t slot, bool falls) {
    j->live_out = live_before(j);
    if (falls && !(j->known & (SLOT_ENTRY | SLOT_BACK | SLOT_WORD))) { /* nobody comes by a jump after all */
        j->slots[slot] = j->words & SLOT_WORD;
        return;
    }
    if (SELDOM(j->has_ranges)) { find_range(j, falls); }
    if (j->slots[slot] & SLOT_ENTRY) { return enter_function(j, slot); }
    if (SELDOM(j->slots[slot] & SLOT_BACK) && falls) { return begin_loop(j, slot); }
    join_label(j, slot, falls);
}

/* While registers wait to be loaded, r10 among them, that this instruction may need: returns whether it is done. */
RARE static bool compile_waiting(struct jit *j, struct insn insn, uint32_t effect) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    if (is_reg(j, 10)) { restore_frame_pointer(j); }
    for (uint32_t left = j->loads; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        if (!is_bytes(j, reg)) { j->loads &= ~REG_BIT(reg); }
    }
    if (!j->loads || !(effect & EFFECT_ENDS_WAITING)) { return false; }
    if (!(effect & EFFECT_SETS_DST)) {
        load_waiting(j);
        return false;
    }
    if (operation_of(insn) == BPF_ALU_OR && try_merge_bytes(j, dst, src, insn.bits & 1)) { return true; }
    load_bytes(j, src);
    load_bytes(j, dst);
    return false;
}

[[clang::always_inline]] static inline void compile_plain(struct jit *j, uint32_t slot, struct insn insn, uint32_t effect) {
    j->live_out = slot_live(j, slot + 1);
    if (effect & EFFECT_IS_PURE && !(j->live_out >> dst_of(insn) & 1)) { return; } /* nobody reads it */
    if (SELDOM(j->loads)) {
        if ((effect & EFFECT_ENDS_WAITING || j->loads & REG_BIT(10)) && compile_waiting(j, insn, effect)) { return; }
        if (effect & EFFECT_SETS_DST) { drop_unread(j, dst_of(insn)); } /* never to be loaded: its address may be gone */
    }
    if (SELDOM(j->facts_here & FACT_ADDRESS)) { guard_address(j, insn); }
    compile_insn(j, insn, effect);
}

void compile_plain_slot(struct jit *j, uint32_t slot, struct insn insn, uint32_t effect) { compile_plain(j, slot, insn, effect); }

static void compile_program(struct jit *j) {
    const struct bpf_insn *insns = j->program->insns;
    const uint8_t *facts = j->facts->flags;
    uint32_t count = j->program->count;
    bool falls = false;
    for (uint32_t slot = 0; slot < count; slot++) {
        uint32_t known = j->slots[slot], flags = facts[slot];
        if (!(flags & FACT_REACHED)) {
            place_label(j, slot);
            continue; /* `falls` stays: a skipped jump was folded into a branch that falls through */
        }
        struct insn insn = load_insn(&insns[slot]);
        uint32_t effect = effects[opcode_of(insn)];
        j->slot = slot;
        j->facts_here = flags;
        j->known = known;
        if (known & (SLOT_ENTRY | SLOT_TARGET)) {
            begin_label(j, slot, falls);
            if (SELDOM(j->resume)) {
                slot = j->resume - 1;
                j->resume = 0;
                falls = true;
                continue;
            }
        } else {
            j->slots[slot] = j->words & SLOT_WORD;
        }
        falls = true;
        if (!(effect & EFFECT_IS_JUMP)) {
            compile_plain(j, slot, insn, effect);
            continue;
        }
        if (SELDOM(is_reg(j, 10))) { restore_frame_pointer(j); }
        falls = compile_jump(j, insn);
        if (j->words > j->capacity) { return; }
        if (j->skips_next) {
            j->skips_next = false;
            place_label(j, ++slot);
        }
    }
}

/* What the caller gets of the slots: where their words are. Only slots that are jumped back to hold more by now. */
static void strip_slots(struct jit *j) {
    uint32_t *slots = j->slots;
    for (uint32_t slot = j->first_head; slot <= j->last_head; slot++) {
        if (slots[slot] & SLOT_EMITTED) { slots[slot] &= SLOT_WORD; }
    }
    if (j->copied_entry) { finish_counted_loop(j); }
    if (j->ahead.last) { finish_ahead(j); }
    slots[j->program->count] = j->words;
}

static enum status compile(struct jit *j, struct jit_result *result) {
    static const uint8_t homes[11] = {R0_HOME, X0, X1, X2, X3, X4};
    for (uint32_t reg = 0; reg < 11; reg++) { j->home[reg] = homes[reg]; }
    for (uint32_t i = 0; i < SHARED_SUMS; i++) { j->home[FIRST_SUM + i] = (uint8_t)(SHARED_SUM_FIRST + i); }
    if (j->capacity > MAX_CODE_WORDS) { j->capacity = MAX_CODE_WORDS; }
    j->guards = j->facts->index_count && !(j->environment->features & JIT_IN_ORDER);
    scan_program(j);
    if (SELDOM(j->guards)) { find_guarded(j); }
    compile_program(j);
    strip_slots(j);
    result->words = j->words;
    return j->words > j->capacity || j->is_lost ? STATUS_JIT_TOO_LARGE : STATUS_OK;
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
    struct range ranges[RANGES];
    struct back backs[BACKS];
    uint64_t breaks[BREAK_WORDS(MAX_PROGRAM_INSNS)];
    struct jit j;
    __builtin_memset(&j, 0, offsetof(struct jit, stack.weight));
    j.ranges = ranges;
    j.breaks = breaks;
    j.backs = backs;
    j.program = program;
    j.facts = facts;
    j.environment = environment;
    j.slots = word_of_insn;
    j.out = out;
    j.capacity = capacity_words;
    return word_of_insn ? compile(&j, result) : compile_with_own_table(&j, result);
}
