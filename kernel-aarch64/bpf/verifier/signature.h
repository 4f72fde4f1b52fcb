#pragma once
/* Where many states rest at one place: what each says for certain of what may decide, hashed to a set of bits. Of two that both
 * have a bit of their own neither covers the other, and they need not be compared. For other platforms' programs only. */

#include "bpf/verifier/engine.h"

enum { SIGNATURE_FACTS = 4 /* words */, SIGNATURE_WORDS = OTHER_PLATFORMS ? 1 + SIGNATURE_FACTS : 0 };

struct signature {
    uint64_t words[SIGNATURE_WORDS]; /* a hash of the calls on the way to the state, or 0 without a signature; the bits */
};

void signature_of(const struct verifier *v, const struct state *s, struct signature *signature);

static inline bool signature_is_set(const struct signature *signature) { return SIGNATURE_WORDS != 0 && signature->words[0] != 0; }

/* Whether neither covers the other, not even in what may decide. */
static inline bool signatures_differ(const struct signature *a, const struct signature *b) {
    uint64_t only_a = 0, only_b = 0;
    for (uint32_t i = 1; i < SIGNATURE_WORDS; i++) {
        only_a |= a->words[i] & ~b->words[i];
        only_b |= b->words[i] & ~a->words[i];
    }
    return only_a != 0 && only_b != 0;
}

/* Whether they are called the same way, as far as hashes tell. */
static inline bool signatures_meet(const struct signature *a, const struct signature *b) {
    return SIGNATURE_WORDS != 0 && a->words[0] == b->words[0];
}
