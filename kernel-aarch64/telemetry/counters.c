#include "telemetry/counters.h"

static uint64_t load(const uint64_t *value) { return __atomic_load_n(value, __ATOMIC_RELAXED); }

static uint64_t calls_of(const struct counters *counters) {
    uint64_t calls = 0;
    for (uint32_t i = 0; i < COUNTER_BINS; i++) { calls += load(&counters->bins[i]); }
    return calls;
}

/* Bin b of the message holds calls of [2^b, 2^(b+1)) cycles: clz 31 - b. Calls of 0 cycles go with those of 1. */
static void add_histogram(const struct counters *counters, uint64_t histogram[HISTOGRAM_BINS]) {
    for (uint32_t i = 0; i < COUNTER_BINS; i++) { histogram[i >= 31 ? 0 : 31 - i] += load(&counters->bins[i]); }
}
static_assert(HISTOGRAM_BINS == 32);

void counters_sum(const struct counters *const *per_core, uint32_t cores, struct counters_total *out) {
    *out = (struct counters_total){.min = UINT64_MAX};
    for (uint32_t core = 0; core < cores; core++) {
        const struct counters *counters = per_core[core];
        const uint64_t calls = calls_of(counters);
        if (calls == 0) { continue; }
        if (out->calls == 0) { out->last_result = load(&counters->last_result); }
        out->calls += calls;
        out->cycles += load(&counters->cycles);
        const uint64_t min = load(&counters->min);
        const uint64_t max = load(&counters->max);
        if (min < out->min) { out->min = min; }
        if (max > out->max) { out->max = max; }
        add_histogram(counters, out->histogram);
    }
    if (out->min == UINT64_MAX) { out->min = 0; } /* no call, or one that is being counted right now */
}
