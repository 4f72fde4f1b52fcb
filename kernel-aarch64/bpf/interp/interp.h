#pragma once
/* Runs a verified program by interpretation: the reference that the JIT is compared with. Pure. */

#include "bpf/program.h"
#include "gen/abi_helpers.h"
#include "gen/abi_status.h"
#include <stdint.h>

typedef uint64_t (*bpf_helper_function)(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);

/* Called before each instruction with the eleven registers; for tests that check the verifier against runs. */
typedef void (*interp_observer)(void *cookie, uint32_t insn, const uint64_t regs[11]);

/* Called before each call of a vector helper; for what such calls cost. */
typedef void (*interp_vector_observer)(void *cookie, uint32_t insn, uint32_t id, const uint64_t regs[11]);

struct interp_environment {
    bpf_helper_function helper[HELPER_PLACES];
    uint64_t map_addr[MAX_MAPS_PER_PROGRAM];
    uint64_t map_value_addr[MAX_MAPS_PER_PROGRAM];
    interp_observer observer; /* may be null */
    interp_vector_observer vector_observer; /* may be null */
    void *observer_cookie;
};

struct interp_result {
    uint64_t r0;
    uint64_t steps; /* eBPF instructions executed */
};

/* Stops with STATUS_BUDGET_EXCEEDED after step_limit instructions; only a program that was not verified can. */
enum status bpf_interpret(const struct bpf_program *program, const struct interp_environment *environment,
                          uint64_t r1, uint64_t r2, uint64_t step_limit, struct interp_result *result);
