#pragma once
/* Keeps the CPU from being led astray by numbers that came from outside: from using one as an address while it only guesses
 * that a check of it went well (Spectre, variant 1; Arm, "Cache Speculation Side-channels").
 *
 * A number is from outside when it was loaded, came from a call, or was computed from such a one. Where it is added to a
 * pointer the verifier has proven how large it may be. If that follows from how wide the load was, from a mask or a shift,
 * nothing is needed; else only a compare says so, and the number is held to it there once more, by data and not by a branch:
 * cut to the bits that it may have, or selected by the flags of a second compare, with CSDB behind that. What neither does a
 * barrier does. Numbers that the program makes itself, as what a loop counts, need nothing. */

#include "bpf/jit/state.h"

/* Whether guard_address() may emit something for this slot. */
static inline bool may_be_guarded(const struct jit *j, uint32_t slot) {
    return j->facts->flags[slot] & FACT_ADDRESS && !(j->environment->features & JIT_IN_ORDER);
}

/* Finds the numbers that need it; after scan_program(). */
void find_guarded(struct jit *j);

/* Guards the instruction of this slot, which has FACT_ADDRESS, if need be. May emit. */
void guard_address(struct jit *j, struct insn insn);
