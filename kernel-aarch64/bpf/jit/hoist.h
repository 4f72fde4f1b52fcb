#pragma once
/* Constants that no immediate form takes, loaded once before a loop instead of at each use in it. */

#include "bpf/jit/state.h"

/* At the head of a loop, before its label for the jumps back: loads the constants that the loop needs, and loops that go back into
 * it from behind, if they call nothing and are entered nowhere else. */
void hoist_constants(struct jit *j, uint32_t head);

/* Whether a jump from behind a loop goes back into it; the last slot then is that of this jump, behind which there may be another. */
bool is_reentered(const struct jit *j, uint32_t head, uint32_t *last);

/* Whether the instruction of a slot, which has EFFECT_TAKES_CONSTANT, will ask constant_reg() for its immediate, and for which
 * value. */
bool takes_register(const struct jit *j, uint32_t slot, uint64_t *value);

/* The register that holds the constant because it was hoisted; SCRATCH: none does. */
enum a64_reg hoisted_reg(const struct jit *j, uint64_t value);

/* A register that holds the constant: a hoisted one, or `scratch` after emitting it there. */
enum a64_reg constant_reg(struct jit *j, uint64_t value, enum a64_reg scratch);
