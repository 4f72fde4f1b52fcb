/* Computes a Fibonacci number at each tick: the field's favourite first program. */
#include "velocity.h"

#define LARGEST_N 90u /* fib(93) is the last that fits 64 bits */

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2); /* 0: n, 1: fib(n) */
    __type(key, uint32_t);
    __type(value, uint64_t);
} fibonacci SEC(".maps");

SEC("timer")
uint64_t fibonacci_tick(struct timer_context *ctx) {
    uint32_t asked = 0;
    uint32_t answer = 1;
    uint64_t *n = bpf_map_lookup_elem(&fibonacci, &asked);
    uint64_t *result = bpf_map_lookup_elem(&fibonacci, &answer);
    if (!n || !result) { return 0; }

    uint64_t count = *n;
    if (count > LARGEST_N) { count = LARGEST_N; }
    uint64_t a = 0;
    uint64_t b = 1;
#pragma clang loop unroll(disable)
    for (uint64_t i = 0; i < count; i++) {
        uint64_t next = a + b;
        a = b;
        b = next;
    }
    *result = a;
    return a;
}
