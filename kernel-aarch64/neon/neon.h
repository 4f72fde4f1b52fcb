#pragma once
/* The vector helpers (abi/vectors.ts) for any size, as compiled modules call them: AAPCS64, without v8..v15, which interrupts
 * do not save. Run with the MMU on: accesses may be unaligned. */

#include "gen/abi_vectors.h"

/* What the CPU must have for the faster of two versions; numbers as in bpf/jit/jit.h. */
enum neon_feature : uint32_t { NEON_DOTPROD = 1 << 1, NEON_CRC32 = 1 << 2 };

typedef uint64_t (*neon_routine)(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);

/* The routine of helper VECTOR_ID_FIRST + place. */
neon_routine neon_routine_of(uint32_t place, uint32_t features);
