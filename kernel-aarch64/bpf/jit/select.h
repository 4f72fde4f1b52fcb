#pragma once
/* Instruction selection, by class. Each compiles the instruction of the current slot; live_before(j) and j->live_out are set,
 * and what only sets a register that nobody reads is left out before it comes here. */

#include "bpf/jit/state.h"

void compile_alu(struct jit *j, struct insn insn);
void compile_load(struct jit *j, struct insn insn);
void compile_store(struct jit *j, struct insn insn);
void compile_atomic(struct jit *j, struct insn insn);
void compile_immediate64(struct jit *j, struct insn insn);
void compile_packet_load(struct jit *j, struct insn insn);
/* Any instruction that is no jump; sets live_out. */
void compile_plain_slot(struct jit *j, uint32_t slot, struct insn insn, uint32_t effect);
bool compile_jump(struct jit *j, struct insn insn); /* returns whether execution goes on behind it */

/* Registers as a call finds them, in which the helper reads these arguments; and as it leaves them. */
void prepare_call(struct jit *j, uint32_t arguments);
void finish_call(struct jit *j);
void emit_call(struct jit *j, uint64_t address);

/* Behind what compares: goes on where the comparison says so, else ends the program. */
void emit_end_unless(struct jit *j, enum a64_cond cond);

/* Emits what a function does on entry, and what it does before it returns with its result in x0. */
void emit_prologue(struct jit *j, bool landing_pad);
void emit_return(struct jit *j);

/* Code that is jumped to, and fallen into when `falls`: all ways agree on where everything is. */
void join_label(struct jit *j, uint32_t slot, bool falls);

/* Puts the current address on a slot and completes the branches that wait for it. Returns what was known of the slot; only
 * of slots that jumps come back to it is kept. */
void complete_branches(struct jit *j, bool is_entry, uint32_t head);
static inline uint32_t place_label(struct jit *j, uint32_t slot) {
    uint32_t known = j->slots[slot], kept = known & SLOT_BACK ? (known & ~SLOT_WORD) | SLOT_EMITTED : 0;
    if (known & SLOT_WORD) { complete_branches(j, known & SLOT_ENTRY, known & SLOT_WORD); }
    j->slots[slot] = kept | (j->words & SLOT_WORD);
    return known;
}
