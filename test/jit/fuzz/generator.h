#pragma once
/* Random programs with wild control flow, most of which verify: between statements every register but those with a
 * role holds a number, so a jump may go from any statement to any other; each way back counts something. */

#include "world.h"

struct generated {
    struct bpf_insn insns[MAX_PROGRAM_INSNS];
    struct bpf_map_shape maps[WORLD_MAPS];
    struct bpf_program program;
};

/* The same seed gives the same program. */
void generate(uint64_t seed, struct generated *out);
/* The program of a seed: where programs were given (given.h) one of them, mostly changed (changed.c), else a random one. */
void program_of(uint64_t seed, struct generated *out);
/* Sets what belongs to a program beside its instructions. */
void describe_program(struct generated *out, uint32_t count, uint32_t memory_size);
