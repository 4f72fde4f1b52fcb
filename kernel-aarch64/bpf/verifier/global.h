#pragma once
/* Functions that Linux judges by themselves: each for any arguments of the types it takes, and who calls it by those types only. */

#include "bpf/verifier/step.h"

struct global {
    const struct bpf_global *signature; /* null: judged with its callers */
    uint64_t bound;                     /* instructions of one call at most */
    uint32_t effects;                   /* enum helper_flag of all that it may call; of every function */
    uint8_t level;                      /* callers that may be around it; of every function */
    bool walked, refused;
};

/* What is global, and what all functions may do. */
[[nodiscard]] enum status global_open(struct verifier *v);
/* How the function there is to be called, when it is judged by itself; else null. */
const struct bpf_global *global_find(const struct verifier *v, uint32_t target);
/* A program may be, too: one that replaces a function. */
static inline bool is_typed(const struct verifier *v, uint32_t f) { return v->globals != nullptr && v->globals[f].signature != nullptr; }
static inline const struct bpf_global *global_at(const struct verifier *v, uint32_t target) {
    return OTHER_PLATFORMS && v->globals != nullptr ? global_find(v, target) : nullptr;
}
/* Makes v->entry the next function to judge, none before those that it calls; false when only the program is left. */
bool global_next(struct verifier *v);
/* v->entry was judged so. */
void global_walked(struct verifier *v, enum status status);
/* Registers with any arguments of v->entry. */
void global_begin(struct verifier *v, struct state *s);
/* The call at s->pc of one, as a whole. */
[[nodiscard]] enum status global_call(struct verifier *v, struct state *s, uint32_t target);
/* At the exit of v->entry. */
[[nodiscard]] enum status global_leave(struct verifier *v, struct state *s);
