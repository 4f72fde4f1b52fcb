#pragma once
/* Whether concrete registers and stack bytes lie in what the verifier said of them. */

#include "bpf/verifier/state.h"

/* Where the pointers of this run really point. */
struct places {
    uint64_t context, memory, packet, packet_end, stack_top;
    uint64_t map[16], map_values[16];
    uint32_t value_stride[16], entries[16];
};

/* True when the registers lie in the state; else *reason says what does not. */
bool state_admits(const struct state *state, const struct places *places, const uint64_t regs[11], const char **reason);
