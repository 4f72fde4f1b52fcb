/* One function that the verifier accepts, one that it refuses at a known line, and one for no hook of ours. */
#include "velocity.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, uint32_t);
    __type(value, uint64_t);
} values SEC(".maps");

SEC("timer/good")
uint64_t good(struct timer_context *ctx) { return ctx->tick; }

SEC("timer/bad")
uint64_t bad(struct timer_context *ctx) {
    uint32_t key = 1;
    uint64_t *value = bpf_map_lookup_elem(&values, &key);
    /* The lookup may have failed. */
    *value += 1;
    return 0;
}

SEC("kprobe/x")
int other(void *ctx) { return 0; }
