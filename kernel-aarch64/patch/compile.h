#pragma once
/* From bytes to code that can run: take in, verify, compile. Works in one set of buffers. Core 0, outside interrupts. */

#include "bpf/jit/jit.h"
#include "bpf/maps/map.h"
#include "mm/code.h"
#include "patch/service.h"

/* What the buffers hold after each step; valid until the next program is taken in. */
struct compilation {
    struct bpf_program program;
    struct bpf_map_shape shapes[MAX_MAPS_PER_PROGRAM];
    const struct bpf_facts *facts;
    uint64_t bound; /* proven, in eBPF instructions */
    uint64_t verify_cycles;
    uint64_t compile_cycles;
    struct code_area code;
    uint32_t words;
};

/* Takes a program in. STATUS_EMPTY_PROGRAM, STATUS_PROGRAM_TOO_LONG, STATUS_INVALID_ARGUMENT (not whole instructions),
 * STATUS_POOL_FULL (the buffers themselves, at the first use). */
[[nodiscard]] enum status compile_begin(struct compilation *compilation, struct span code, enum hook_id hook,
                                        struct refusal *refusal);

/* Checks the certificate, or without one verifies within a fixed budget. Every status of bpf_check() or bpf_verify(), with
 * instruction and message. Set memory_size and maps before. */
[[nodiscard]] enum status compile_verify(struct compilation *compilation, struct span certificate,
                                         struct refusal *refusal);

/* STATUS_OVER_BUDGET when the bound of what was verified is above the budget of its hook. */
[[nodiscard]] enum status compile_check_budget(const struct compilation *compilation, struct refusal *refusal);

/* Compiles what was verified into code memory and makes it executable; `maps` as in the program.
 * STATUS_JIT_TOO_LARGE, STATUS_POOL_FULL. The caller frees `code`. */
[[nodiscard]] enum status compile_emit(struct compilation *compilation, struct bpf_map *const *maps,
                                       uint32_t *word_of_insn);

/* Where helpers and maps are, for the interpreter as for the compiler. */
uint64_t compile_map_values(const struct bpf_map *map);
