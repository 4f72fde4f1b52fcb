/* Counts how late each tick came, in bins of powers of two nanoseconds, apart for each core. */
#include "velocity.h"

#define BINS 32u

struct bins {
    uint64_t last_ns;
    uint32_t count[BINS];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct bins);
} tick_jitter SEC(".maps");

static __always_inline uint32_t log2_floor(uint64_t value) {
    uint32_t bin = 0;
    if (value >> 16) { bin += 16; value >>= 16; }
    if (value >> 8) { bin += 8; value >>= 8; }
    if (value >> 4) { bin += 4; value >>= 4; }
    if (value >> 2) { bin += 2; value >>= 2; }
    if (value >> 1) { bin += 1; }
    return bin;
}

SEC("timer")
uint64_t histogram_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    struct bins *bins = bpf_map_lookup_elem(&tick_jitter, &first);
    if (!bins) { return 0; }

    uint64_t now = ctx->time_ns;
    uint64_t expected = bins->last_ns + ctx->period_ns;
    bool is_first = bins->last_ns == 0;
    bins->last_ns = now;
    if (is_first) { return 0; }
    uint64_t off = now > expected ? now - expected : expected - now;
    uint32_t bin = log2_floor(off & 0xffffffff);
    bins->count[bin & (BINS - 1)]++;
    return off;
}
