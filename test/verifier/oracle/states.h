#pragma once
/* Keeps the abstract states that the verifier or the checker goes through, by instruction. */

#include "bpf/verifier/observe.h"
#include "generator.h"

enum { STATES_KEPT = 48 };

/* Abstract states seen before one instruction. */
struct seen {
    uint32_t count; /* more than STATES_KEPT: some were not kept, and nothing is checked here */
    struct state states[STATES_KEPT];
};

struct collected {
    struct seen at[PROGRAM_MAX];
    uint8_t *arena; /* frames of the kept states */
    size_t used;
};

/* Ends this program with a message when there is no memory. */
struct collected *states_open(void);
void states_close(struct collected *c);
/* What a verifier tells what it sees; each verification begins with restart. */
struct observation states_observation(struct collected *c);
