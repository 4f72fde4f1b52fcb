#include "neon/block.h"
#include "neon/routines.h"

static int8x16_t load_s8(uint64_t addr) { return vreinterpretq_s8_u8(load(addr)); }
static int16x8_t load_s16(uint64_t addr) { return vreinterpretq_s16_u8(load(addr)); }
static int8x16_t part_s8(uint64_t addr, uint64_t n) { return vreinterpretq_s8_u8(load_part(addr, n)); }
static int16x8_t part_s16(uint64_t addr, uint64_t n) { return vreinterpretq_s16_u8(load_part(addr, n)); }

/* Pairs are added in 32 bits: of two products in 16 bits, 2 * 2^14 overflows. */
static inline int32x4_t multiply_add(int32x4_t sum, int8x16_t a, int8x16_t b) {
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sum, vmull_high_s8(a, b));
}

__attribute__((target("dotprod"))) static inline int32x4_t multiply_add_fast(int32x4_t sum, int8x16_t a, int8x16_t b) {
    return vdotq_s32(sum, a, b);
}

/* Written twice, as a function for one CPU is not inlined into one for any. */
#define DOT(name, add)                                                                      \
    [[clang::noinline]] static int32_t name(uint64_t a, uint64_t b, uint64_t n) {           \
        int32x4_t sum = vdupq_n_s32(0);                                                      \
        uint64_t i = 0;                                                                      \
        for (; i + 64 <= n; i += 64) {                                                       \
            sum = add(sum, load_s8(a + i), load_s8(b + i));                                  \
            sum = add(sum, load_s8(a + i + 16), load_s8(b + i + 16));                        \
            sum = add(sum, load_s8(a + i + 32), load_s8(b + i + 32));                        \
            sum = add(sum, load_s8(a + i + 48), load_s8(b + i + 48));                        \
        }                                                                                    \
        for (; i + 16 <= n; i += 16) { sum = add(sum, load_s8(a + i), load_s8(b + i)); }     \
        if (i < n) { sum = add(sum, part_s8(a + i, n - i), part_s8(b + i, n - i)); }         \
        return vaddvq_s32(sum);                                                              \
    }
#define GEMV(dot) \
    for (uint64_t row = 0; row < r4; row++) { put32(r1 + 4 * row, (uint32_t)dot(r2 + row * r5, r3, r5)); } \
    return 0

DOT(dot, multiply_add)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
DOT(dot_fast, multiply_add_fast)
#pragma clang attribute pop

ROUTINE(vl_dot_i8) { return (uint64_t)(int64_t)dot(r1, r2, r3); }
__attribute__((target("dotprod"))) ROUTINE(vl_dot_i8_fast) { return (uint64_t)(int64_t)dot_fast(r1, r2, r3); }

ROUTINE(vl_gemv_i8) { GEMV(dot); }
__attribute__((target("dotprod"))) ROUTINE(vl_gemv_i8_fast) { GEMV(dot_fast); }

static inline int64x2_t multiply_add64(int64x2_t sum, int16x8_t a, int16x8_t b) {
    sum = vpadalq_s32(sum, vmull_s16(vget_low_s16(a), vget_low_s16(b)));
    return vpadalq_s32(sum, vmull_high_s16(a, b));
}

ROUTINE(vl_dot_i16) {
    int64x2_t sum = vdupq_n_s64(0);
    const uint64_t size = 2 * r3;
    uint64_t i = 0;
    for (; i + 32 <= size; i += 32) {
        sum = multiply_add64(sum, load_s16(r1 + i), load_s16(r2 + i));
        sum = multiply_add64(sum, load_s16(r1 + i + 16), load_s16(r2 + i + 16));
    }
    for (; i + 16 <= size; i += 16) { sum = multiply_add64(sum, load_s16(r1 + i), load_s16(r2 + i)); }
    if (i < size) { sum = multiply_add64(sum, part_s16(r1 + i, size - i), part_s16(r2 + i, size - i)); }
    return (uint64_t)vaddvq_s64(sum);
}

/* ---- FIR ---- */

struct outputs {
    int32x4_t low, high;
};

static inline void add_tap(struct outputs *o, uint64_t samples, int16x8_t weight) {
    const int16x8_t window = load_s16(samples);
    o->low = vmlal_s16(o->low, vget_low_s16(window), vget_low_s16(weight));
    o->high = vmlal_high_s16(o->high, window, weight);
}

static inline void put_outputs(uint64_t out, const struct outputs *o) {
    const int16x8_t result = vcombine_s16(vqrshrn_n_s32(o->low, 15), vqrshrn_n_s32(o->high, 15));
    store(out, vreinterpretq_u8_s16(result));
}

static inline void add_taps(struct outputs *a, struct outputs *b, uint64_t samples, int16x8_t weight) {
    add_tap(a, samples, weight);
    add_tap(b, samples + 16, weight);
}

/* Sixteen outputs: for each weight, the samples it meets. */
static void fir16(uint64_t out, uint64_t samples, uint64_t weights, uint64_t taps) {
    struct outputs a = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct outputs b = a;
    uint64_t k = 0;
    for (; k + 8 <= taps; k += 8, samples += 16) {
        const int16x8_t w = load_s16(weights + 2 * k);
        add_taps(&a, &b, samples, vdupq_laneq_s16(w, 0));
        add_taps(&a, &b, samples + 2, vdupq_laneq_s16(w, 1));
        add_taps(&a, &b, samples + 4, vdupq_laneq_s16(w, 2));
        add_taps(&a, &b, samples + 6, vdupq_laneq_s16(w, 3));
        add_taps(&a, &b, samples + 8, vdupq_laneq_s16(w, 4));
        add_taps(&a, &b, samples + 10, vdupq_laneq_s16(w, 5));
        add_taps(&a, &b, samples + 12, vdupq_laneq_s16(w, 6));
        add_taps(&a, &b, samples + 14, vdupq_laneq_s16(w, 7));
    }
    for (; k < taps; k++, samples += 2) { add_taps(&a, &b, samples, vdupq_n_s16((int16_t)get16(weights + 2 * k))); }
    put_outputs(out, &a);
    put_outputs(out + 16, &b);
}

/* One output: the samples side by side. */
static void fir1(uint64_t out, uint64_t samples, uint64_t weights, uint64_t taps) {
    const uint64_t size = 2 * taps;
    struct outputs o = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (uint64_t i = 0; i < size; i += 16) {
        const bool whole = size - i >= 16;
        const int16x8_t a = whole ? load_s16(samples + i) : part_s16(samples + i, size - i);
        const int16x8_t b = whole ? load_s16(weights + i) : part_s16(weights + i, size - i);
        o.low = vmlal_s16(o.low, vget_low_s16(a), vget_low_s16(b));
        o.high = vmlal_high_s16(o.high, a, b);
    }
    const int32x4_t sum = vdupq_n_s32(vaddvq_s32(vaddq_s32(o.low, o.high)));
    put16(out, (uint16_t)vget_lane_s16(vqrshrn_n_s32(sum, 15), 0));
}

/* The last sixteen outputs may be computed once more: the inputs lie apart. */
ROUTINE(vl_fir_i16) {
    uint64_t i = 0;
    if (r4 < 16) {
        for (; i < r4; i++) { fir1(r1 + 2 * i, r2 + 2 * i, r3, r5); }
        return 0;
    }
    for (; i + 16 <= r4; i += 16) { fir16(r1 + 2 * i, r2 + 2 * i, r3, r5); }
    if (i < r4) { fir16(r1 + 2 * (r4 - 16), r2 + 2 * (r4 - 16), r3, r5); }
    return 0;
}
