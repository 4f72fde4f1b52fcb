#pragma once
/* Stack slots that hold plain values, kept in registers that nobody else needs.
 *
 * A slot is eight bytes, aligned, that the program only loads and stores whole, or only their lower half, by r10 plus a
 * constant; r10 is not copied, so nothing else gets there. The register always holds the slot's value. */

#include "bpf/jit/value.h"

/* Notes an access to the stack: `off` from r10, and whether it is one that a register can stand for. */
void note_slot(struct jit *j, struct insn insn, bool in_loop);

/* Chooses slots and registers for a program of one function that calls nothing of its own; adds the registers that must be
 * saved to j->function. Returns the lowest byte of the stack that remains, counted from r10. */
int32_t promote_slots(struct jit *j);

/* The number of a slot that an offset lies in. */
static inline uint32_t slot_number(int32_t off) { return (uint32_t)(off + BPF_STACK_BYTES) / 8 % (BPF_STACK_BYTES / 8); }
static inline bool is_promoted(const struct jit *j, int32_t off) { return j->stack.promoted >> slot_number(off) & 1; }

/* Loads and stores of promoted slots. May emit. */
void load_promoted(struct jit *j, struct insn insn);
void store_promoted(struct jit *j, struct insn insn);
