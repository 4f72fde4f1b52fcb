#pragma once
/* One program through verifier, interpreter, JIT and emulation. */

#include "compile.h"
#include "generator.h"

enum outcome { OUTCOME_REFUSED, OUTCOME_LONG, OUTCOME_READY, OUTCOME_WRONG };

/* What is kept of a program until the emulator has run it. */
struct trial {
    uint64_t seed;
    struct generated generated;
    uint64_t r0[RUNS];
    uint64_t trace[RUNS];
    uint8_t *worlds; /* after each run, as the interpreter leaves them */
    uint64_t steps;
    uint32_t status; /* of the verifier */
    char reason[160]; /* of OUTCOME_WRONG, or what trial_compare() found */
};

void trials_open(void);
/* Verifies, interprets with every fact checked, and compiles into the job. */
enum outcome trial_prepare(struct trial *trial, struct shared *shared, struct job *job, struct space *space);
/* Whether the emulator did what the interpreter did. */
bool trial_compare(struct trial *trial, struct shared *shared, const struct job *job);
