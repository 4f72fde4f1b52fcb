#pragma once
/* Instruction selection, by class. Each compiles the instruction of the current slot; j->live_in and j->live_out are set,
 * and what only sets a register that nobody reads is left out before it comes here. */

#include "bpf/jit/state.h"

void compile_alu(struct jit *j, struct bpf_insn insn);
void compile_load(struct jit *j, struct bpf_insn insn);
void compile_store(struct jit *j, struct bpf_insn insn);
void compile_atomic(struct jit *j, struct bpf_insn insn);
void compile_immediate64(struct jit *j, struct bpf_insn insn);
void compile_jump(struct jit *j, struct bpf_insn insn);

/* Emits what a function does on entry, and what it does before it returns with its result in x0. */
void emit_prologue(struct jit *j, bool landing_pad);
void emit_return(struct jit *j);

/* Puts the current address on a slot and completes the branches that wait for it. */
void complete_branches(struct jit *j, uint32_t slot, uint32_t head);
static inline void place_label(struct jit *j, uint32_t slot) {
    uint32_t head = j->slots[slot] & SLOT_WORD;
    j->slots[slot] = (j->slots[slot] & ~SLOT_WORD) | (j->words & SLOT_WORD) | SLOT_EMITTED;
    if (head) { complete_branches(j, slot, head); }
}
