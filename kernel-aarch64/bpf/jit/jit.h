#pragma once
/* Compiles a verified program to A64. Pure: writes into the caller's buffer, knows the address it will run at. */

#include "bpf/program.h"
#include "gen/abi_helpers.h"
#include "gen/abi_status.h"
#include "gen/abi_vectors.h"
#include <stdint.h>

enum jit_feature : uint32_t {
    JIT_LSE = 1 << 0,     /* ID_AA64ISAR0_EL1.Atomic >= 2 */
    JIT_DOTPROD = 1 << 1, /* ID_AA64ISAR0_EL1.DP >= 1 */
    JIT_CRC32 = 1 << 2,   /* ID_AA64ISAR0_EL1.CRC32 >= 1 */
    JIT_BTI = 1 << 3,     /* ID_AA64PFR1_EL1.BT >= 1 */
    JIT_IN_ORDER = 1 << 4, /* does not run far enough ahead of a branch to be led astray: MIDR_EL1 names such a core */
    JIT_ERRATUM_835769 = 1 << 5, /* Cortex-A53: a multiply-accumulate of 64 bits right behind an access to memory may come out wrong */
    JIT_CALLER_KEEPS = 1 << 8, /* not of the CPU: who calls the program keeps x19..x28 itself, as guard_call() does */
};

struct jit_environment {
    uint64_t code_addr;                              /* address at which out[0] will execute */
    uint64_t helper_addr[HELPER_PLACES];             /* by helper_place(); 0 = no such helper */
    uint64_t vector_addr[VECTOR_COUNT];              /* of helper VECTOR_ID_FIRST + i, for any size */
    uint64_t foreign_helper_addr;                    /* of helpers that the board does not know: other platforms' */
    uint64_t map_addr[MAX_MAPS_PER_PROGRAM];         /* what a map argument of a helper is */
    uint64_t map_value_addr[MAX_MAPS_PER_PROGRAM];   /* first value of an array map (ld_imm64 src 2) */
    uint32_t features;                               /* enum jit_feature */
#if OTHER_PLATFORMS
    uint64_t arena_addr; /* where the lowest 4 GiB of an arena's addresses are for the kernel */
    uint64_t arena_high; /* the upper 32 bits of those addresses for users; below 2^48 */
#endif
};

struct jit_result {
    uint32_t words; /* A64 instructions and literals written */
};

/* The compiled program is called as a C function (AAPCS64): r1 in x0, r2 in x1, result in x0. */
typedef uint64_t (*jit_function)(uint64_t r1, uint64_t r2);

/* Compiles a program that bpf_verify() accepted, with the facts it gave. word_of_insn[i] (count + 1 entries, may be null)
 * receives where the words of slot i are, for bpf_jit_slot(); without it, 16 KiB of stack take its place.
 * STATUS_JIT_TOO_LARGE when `capacity_words` does not hold the program; nothing else fails. */
[[nodiscard]] enum status bpf_jit(const struct bpf_program *program, const struct bpf_facts *facts,
                                  const struct jit_environment *environment, uint32_t *out, uint32_t capacity_words,
                                  uint32_t *word_of_insn, struct jit_result *result);

#define JIT_NO_SLOT UINT32_MAX

/* The slot that a word of the program was compiled from, JIT_NO_SLOT in the prologue; of several that have the word in common
 * the last. */
[[nodiscard]] uint32_t bpf_jit_slot(const uint32_t *word_of_insn, uint32_t count, uint32_t word);
