/* What interrupts long_sum: a timer module that fills the vector registers with something else. */
#include "velocity.h"

struct work {
    int8_t a[256];
    int8_t b[256];
    int64_t sum;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct work);
} vector_work SEC(".maps");

SEC("timer")
uint64_t vector_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    struct work *w = bpf_map_lookup_elem(&vector_work, &first);
    if (!w) { return 0; }
    vl_mem_fill(w->a, ctx->tick * 37, sizeof(w->a));
    vl_mem_fill(w->b, ctx->tick * 101, sizeof(w->b));
    w->sum += vl_dot_i8(w->a, w->b, sizeof(w->a));
    return vl_checksum(w->a, sizeof(w->a), 0);
}
