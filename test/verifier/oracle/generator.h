#pragma once
/* Random programs that are mostly valid: what they do to registers is tracked roughly, so that most of them verify. */

#include "bpf/program.h"
#include "world.h"

enum { GENERATED_MAX = 400, PROGRAM_MAX = 1024 };

struct generated {
    struct bpf_insn insns[PROGRAM_MAX];
    struct bpf_map_shape maps[WORLD_MAPS];
    struct bpf_program program;
};

/* The same seed gives the same program. */
void generate(uint64_t seed, struct generated *out);
/* The program of a seed: a random one, or where programs were given (given.h) that of number seed / 4, so that each is tried in the four
 * ways that seeds decide (oracle.c). */
void program_of(uint64_t seed, struct generated *out);
/* A program of such a shape with the maps of the_world(), still without instructions. */
void begin_program(struct generated *out, enum hook_id hook, uint32_t memory_size);
/* Changes a few fields of a few instructions: most results are refused, and those accepted are rarely what was meant. */
void mutate(uint64_t seed, struct generated *out);
