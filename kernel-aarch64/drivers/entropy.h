#pragma once
/* What this board offers that nobody can foresee: the seed that the loader left in the device tree (/chosen/rng-seed),
 * and the random number generator of the BCM2835. */

#include "lib/sha2.h"

enum entropy_source : uint32_t { ENTROPY_SEED = 1, ENTROPY_RNG = 2 };

/* Adds all there is to a hash, counters last; returns the sources that gave something. With 0 the result is made of
 * counters only, which a fast attacker may bring about again. Waits at most some milliseconds. Core 0. */
uint32_t entropy_add(struct sha256 *hash);
