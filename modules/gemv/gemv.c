/* One dense layer with int8 weights: output[row] = clamp((sum over column of weight * input) >> SHIFT). */
#include "velocity.h"

#define ROWS 32u
#define COLUMNS 32u
#define SHIFT 7

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, int8_t[ROWS * COLUMNS]); /* row by row */
} gemv_weights SEC(".maps");

struct vectors {
    int8_t input[COLUMNS];
    int8_t output[ROWS];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct vectors);
} gemv_vectors SEC(".maps");

static __always_inline int8_t clamp8(int32_t value) {
    if (value > 127) { return 127; }
    if (value < -128) { return -128; }
    return (int8_t)value;
}

SEC("timer")
uint64_t gemv_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    const int8_t *weights = bpf_map_lookup_elem(&gemv_weights, &first);
    struct vectors *v = bpf_map_lookup_elem(&gemv_vectors, &first);
    if (!weights || !v) { return 0; }

    uint64_t checksum = 0;
#pragma clang loop unroll(disable) vectorize(disable)
    for (uint32_t row = 0; row < ROWS; row++) {
        int32_t sum = 0;
#pragma clang loop unroll(disable) vectorize(disable)
        for (uint32_t column = 0; column < COLUMNS; column++) {
            sum += weights[row * COLUMNS + column] * v->input[column];
        }
        v->output[row] = clamp8(sum >> SHIFT);
        checksum += (uint8_t)v->output[row];
    }
    return checksum;
}
