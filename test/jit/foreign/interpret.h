#pragma once
/* The interpreter of the board's kernel, with what Linux has beside: functions that helpers call, legacy packet loads, and arenas, whose
 * addresses are below 4 GiB. */

#include "bpf/program.h"

struct interpreter {
    const struct bpf_insn *insns;
    uint64_t (*helper)(struct interpreter *interpreter, uint32_t slot, const uint64_t arguments[5]);
    uint64_t (*map_value)(uint32_t map, uint32_t offset);
    uint64_t steps_left;
    bool failed; /* no such instruction, or too many of them */
    uint8_t *stack; /* the end of what is left of it */
};

/* What the address of the function at a slot is here. */
#define FUNCTION_TAG 0xf00000000ull

uint64_t interpret(struct interpreter *interpreter, uint32_t slot, const uint64_t arguments[5]);
