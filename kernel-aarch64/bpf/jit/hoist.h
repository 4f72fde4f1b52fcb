#pragma once
/* Constants that no immediate form takes, loaded once before a loop instead of at each use in it. */

#include "bpf/jit/state.h"

/* At the head of a loop, before its label for the jumps back: loads the constants that the loop needs, and loops that go back into
 * it from behind, if they call nothing and are entered nowhere else. */
void hoist_constants(struct jit *j, uint32_t head);

/* Whether a jump from behind a loop goes back into it; the last slot then is that of this jump, behind which there may be another. */
bool is_reentered(const struct jit *j, uint32_t head, uint32_t *last);

/* Whether an addition or a compare takes its constant as it is, for sure. */
static inline bool is_small(struct insn insn) {
    uint32_t op = operation_of(insn);
    return (uint32_t)imm_of(insn) + 4095u <= 2 * 4095u && (is_jump_class(insn) ? op != BPF_JMP_JSET : op == BPF_ALU_ADD);
}

/* Whether an instruction that has EFFECT_TAKES_CONSTANT, and is not small, will ask constant_reg() for its immediate, and for which
 * value. */
bool needs_register(const struct jit *j, struct insn insn, uint32_t slot, uint64_t *value);

/* The register that holds the constant because it was hoisted; SCRATCH: none does. */
enum a64_reg hoisted_reg(const struct jit *j, uint64_t value);

/* A register that holds the constant: a hoisted one, or `scratch` after emitting it there. */
enum a64_reg constant_reg(struct jit *j, uint64_t value, enum a64_reg scratch);
