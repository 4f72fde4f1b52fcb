#pragma once
/* What a module version costs. One `struct counters` per version and core: only that core writes it, so no lock and no
 * atomic is needed; 64-bit aligned stores are single-copy atomic (Arm ARM B2.2.1), so a reader on another core sees
 * whole values, though not all of the same call. */

#include "gen/abi_messages.h"
#include <stdint.h>

/* Leading zeros of a 32-bit number: 0..32. */
#define COUNTER_BINS 33u

/* The number of calls is the sum of the bins: one addition less on the hot path. */
struct counters {
    uint64_t bins[COUNTER_BINS]; /* bins[clz(cycles)]: calls */
    uint64_t overhead;           /* cycles of measuring itself, taken off each call; beside `cycles` for one load */
    uint64_t cycles;
    uint64_t min; /* UINT64_MAX before the first call */
    uint64_t max;
    uint64_t last_result; /* the caller stores it */
    uint64_t reserved[2]; /* to a multiple of 64 bytes, so that cores do not share a cache line */
};
static_assert(sizeof(struct counters) % 64 == 0);

/* Over all cores; the first of it in the order of a report (abi/report.ts). */
struct counters_total {
    uint64_t cycles;
    uint64_t min; /* 0 before the first call */
    uint64_t max;
    uint64_t last_result; /* of the lowest core that called it */
    uint64_t histogram[HISTOGRAM_BINS];
    uint64_t calls;
};

static inline void counters_clear(struct counters *counters, uint64_t overhead) {
    *counters = (struct counters){.overhead = overhead, .min = UINT64_MAX};
}

/* The accounting of one call that took `raw` cycles, below 2^32, measuring included. Returns the net cycles.
 * On the core that owns `counters`, interrupts masked. */
static inline uint64_t count_call(struct counters *counters, uint64_t raw) {
    const uint64_t took = raw > counters->overhead ? raw - counters->overhead : 0;
    counters->bins[__builtin_clzg((uint32_t)took, 32)] += 1;
    counters->cycles += took;
    const uint64_t min = counters->min;
    const uint64_t max = counters->max;
    if (__builtin_expect(took < min, 0)) { counters->min = took; }
    if (__builtin_expect(took > max, 0)) { counters->max = took; }
    return took;
}

/* Sums `cores` counters. From any core. */
void counters_sum(const struct counters *const *per_core, uint32_t cores, struct counters_total *out);
