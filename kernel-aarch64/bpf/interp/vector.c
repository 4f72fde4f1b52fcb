/* The reference has to be obvious, not fast. */

#include "bpf/interp/vector.h"

#define HELPER(name)                                                                                             \
    static uint64_t name([[maybe_unused]] uint64_t r1, [[maybe_unused]] uint64_t r2, [[maybe_unused]] uint64_t r3, \
                         [[maybe_unused]] uint64_t r4, [[maybe_unused]] uint64_t r5)

static uint8_t *bytes_at(uint64_t addr) { return (uint8_t *)(uintptr_t)addr; }

/* Elements, which may lie at any address. */
static uint8_t u8_at(uint64_t addr, uint64_t i) { return bytes_at(addr)[i]; }
static uint16_t u16_at(uint64_t addr, uint64_t i) { return (uint16_t)(u8_at(addr, 2 * i) | u8_at(addr, 2 * i + 1) << 8); }
static uint32_t u32_at(uint64_t addr, uint64_t i) { return u16_at(addr, 2 * i) | (uint32_t)u16_at(addr, 2 * i + 1) << 16; }
static int8_t i8_at(uint64_t addr, uint64_t i) { return (int8_t)u8_at(addr, i); }
static int16_t i16_at(uint64_t addr, uint64_t i) { return (int16_t)u16_at(addr, i); }
static int32_t i32_at(uint64_t addr, uint64_t i) { return (int32_t)u32_at(addr, i); }

static void put(uint64_t addr, uint64_t i, uint32_t value, uint32_t size) {
    for (uint32_t byte = 0; byte < size; byte++) { bytes_at(addr)[i * size + byte] = (uint8_t)(value >> 8 * byte); }
}

/* ---- memory ---- */

HELPER(vl_mem_copy) {
    for (uint64_t n = 0; n < r3; n++) {
        const uint64_t i = r1 < r2 ? n : r3 - 1 - n; /* so that nothing is overwritten unread */
        bytes_at(r1)[i] = u8_at(r2, i);
    }
    return 0;
}

HELPER(vl_mem_fill) {
    for (uint64_t i = 0; i < r3; i++) { bytes_at(r1)[i] = (uint8_t)r2; }
    return 0;
}

HELPER(vl_mem_xor) {
    for (uint64_t n = 0; n < r3; n++) {
        const uint64_t i = r1 < r2 ? n : r3 - 1 - n;
        bytes_at(r1)[i] ^= u8_at(r2, i);
    }
    return 0;
}

HELPER(vl_mem_compare) {
    for (uint64_t i = 0; i < r3; i++) {
        if (u8_at(r1, i) != u8_at(r2, i)) { return (uint64_t)(int64_t)(u8_at(r1, i) - u8_at(r2, i)); }
    }
    return 0;
}

HELPER(vl_mem_find) {
    for (uint64_t i = 0; i < r2; i++) {
        if (u8_at(r1, i) == (uint8_t)r3) { return i; }
    }
    return UINT64_MAX;
}

/* ---- sums ---- */

/* RFC 1071 §4.1 */
HELPER(vl_checksum) {
    uint64_t sum = (uint32_t)r3;
    for (uint64_t i = 0; i < r2; i++) { sum += (uint64_t)u8_at(r1, i) << (i & 1 ? 8 : 0); }
    while (sum >> 16) { sum = (sum & 0xffff) + (sum >> 16); }
    return sum;
}

/* IEEE 802.3 §3.2.9, bit by bit */
HELPER(vl_crc32) {
    uint32_t crc = ~(uint32_t)r3;
    for (uint64_t i = 0; i < r2; i++) {
        crc ^= u8_at(r1, i);
        for (uint32_t bit = 0; bit < 8; bit++) { crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0); }
    }
    return (uint32_t)~crc;
}

#define SUM(type) \
    HELPER(vl_sum_##type) { \
        uint64_t sum = 0; \
        for (uint64_t i = 0; i < r2; i++) { sum += (uint64_t)type##_at(r1, i); } \
        return sum; \
    }
SUM(u8)
SUM(u16)
SUM(i32)

/* ---- products ---- */

static int32_t dot_i8(uint64_t a, uint64_t b, uint64_t n) {
    uint32_t sum = 0;
    for (uint64_t i = 0; i < n; i++) { sum += (uint32_t)(i8_at(a, i) * i8_at(b, i)); }
    return (int32_t)sum;
}

HELPER(vl_dot_i8) { return (uint64_t)(int64_t)dot_i8(r1, r2, r3); }

HELPER(vl_dot_i16) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < r3; i++) { sum += (uint64_t)(int64_t)(i16_at(r1, i) * i16_at(r2, i)); }
    return sum;
}

HELPER(vl_gemv_i8) {
    for (uint64_t row = 0; row < r4; row++) { put(r1, row, (uint32_t)dot_i8(r2 + row * r5, r3, r5), 4); }
    return 0;
}

HELPER(vl_fir_i16) {
    for (uint64_t i = 0; i < r4; i++) {
        uint32_t sum = 0;
        for (uint64_t k = 0; k < r5; k++) { sum += (uint32_t)(i16_at(r2, i + k) * i16_at(r3, k)); }
        const int64_t rounded = ((int64_t)(int32_t)sum + (1 << 14)) >> 15;
        put(r1, i, (uint32_t)(rounded > INT16_MAX ? INT16_MAX : rounded < INT16_MIN ? INT16_MIN : rounded), 2);
    }
    return 0;
}

/* ---- extremes ---- */

#define EXTREMES(type) \
    static uint64_t best_##type(uint64_t data, uint64_t n, bool largest) { \
        uint64_t best = 0; \
        for (uint64_t i = 1; i < n; i++) { \
            if (largest ? type##_at(data, i) > type##_at(data, best) : type##_at(data, i) < type##_at(data, best)) { best = i; } \
        } \
        return best; \
    } \
    HELPER(vl_min_##type) { return (uint64_t)(int64_t)type##_at(r1, best_##type(r1, r2, false)); } \
    HELPER(vl_max_##type) { return (uint64_t)(int64_t)type##_at(r1, best_##type(r1, r2, true)); } \
    HELPER(vl_argmax_##type) { return best_##type(r1, r2, true); }
EXTREMES(u8)
EXTREMES(u16)
EXTREMES(i32)

HELPER(vl_histogram_u8) {
    for (uint64_t i = 0; i < r3; i++) { put(r1, u8_at(r2, i), u32_at(r1, u8_at(r2, i)) + 1, 4); }
    return 0;
}

uint64_t interp_vector(uint32_t id, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
    switch (id) {
#define CASE(name, number, ...) \
    case number: return name(r1, r2, r3, r4, r5);
        VECTOR_TABLE(CASE)
#undef CASE
    default: return 0;
    }
}
