#pragma once
/* A run of an accepted program in the interpreter, in the_world(), with everything looked at that the verifier said. */

#include "check.h"
#include "generator.h"
#include "lib/span.h"
#include "states.h"

/* What every run is held against. */
struct claim {
    const struct generated *generated;
    const struct collected *collected;
    const struct bpf_facts *facts;
    uint64_t bound, seed;
    struct span certificate; /* by which it was accepted, or nothing */
};

/* Bytes of memory that runs of generated programs have at most. */
enum { RUN_MEMORY_MAX = 192 };

/* Fills the_world() by the seed of the run. Returns the bytes of its memory, and what r1 and r2 are. */
uint32_t run_begin(const struct generated *generated, uint64_t seed, uint64_t arguments[2]);
/* Runs in it. Returns how many states were checked; what is wrong is reported (report.h) and ends this program. */
uint64_t run_interpreted(const struct claim *claim, uint32_t memory_size, const uint64_t arguments[2], bool may_goto_jumps, uint64_t *r0);
