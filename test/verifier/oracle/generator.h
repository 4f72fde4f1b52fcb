#pragma once
/* Random programs that are mostly valid: what they do to registers is tracked roughly, so that most of them verify. */

#include "bpf/program.h"
#include "world.h"

enum { GENERATED_MAX = 400 };

struct generated {
    struct bpf_insn insns[GENERATED_MAX + 64];
    struct bpf_map_shape maps[WORLD_MAPS];
    struct bpf_program program;
};

/* The same seed gives the same program. */
void generate(uint64_t seed, struct generated *out);
/* Changes a few fields of a few instructions: most results are refused, and those accepted are rarely what was meant. */
void mutate(uint64_t seed, struct generated *out);
