/* The dense layer of ../gemv with its products made by a vector helper, four times as large: 64 rows of 64 int8 weights. */
#include "velocity.h"

#define ROWS 64u
#define COLUMNS 64u
#define SHIFT 8

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, int8_t[ROWS * COLUMNS]); /* row by row */
} dense_weights SEC(".maps");

struct vectors {
    int8_t input[COLUMNS];
    int8_t output[ROWS];
    int32_t sums[ROWS];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct vectors);
} dense_vectors SEC(".maps");

static __always_inline int8_t clamp8(int32_t value) {
    if (value > 127) { return 127; }
    if (value < -128) { return -128; }
    return (int8_t)value;
}

/* Result: the row with the largest sum, which of a classifier is the class. */
SEC("timer")
uint64_t dense_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    const int8_t *weights = bpf_map_lookup_elem(&dense_weights, &first);
    struct vectors *v = bpf_map_lookup_elem(&dense_vectors, &first);
    if (!weights || !v) { return 0; }

    vl_gemv_i8(v->sums, weights, v->input, ROWS, COLUMNS);
#pragma clang loop unroll(disable)
    for (uint32_t row = 0; row < ROWS; row++) { v->output[row] = clamp8(v->sums[row] >> SHIFT); }
    return vl_argmax_i32(v->sums, ROWS);
}
