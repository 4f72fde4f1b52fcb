#pragma once
/* For tests: a look at every abstract state that the verifier walks through. */

#include "bpf/verifier/state.h"
#include "bpf/verifier/verifier.h"

/* Called before each instruction that is walked; the state is valid until it returns. */
typedef void (*state_observer)(void *cookie, const struct state *state);

/* bpf_verify() with an observer; `restart` is called before a second attempt, which replaces all that was seen. */
struct observation {
    state_observer observer;
    void (*restart)(void *cookie);
    void *cookie;
};
enum status bpf_verify_observed(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                                struct verifier_result *result, const struct observation *observation);
