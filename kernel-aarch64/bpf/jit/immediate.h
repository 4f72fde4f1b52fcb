#pragma once
/* The only makers of A64 immediates: each kind has one constructor, and a value that does not fit is refused, never cut.
 * Encodings: Arm Architecture Reference Manual, DDI 0487, C6.2; bitmask immediates: C3.4.2 and DecodeBitMasks. */

#include "gen/abi_a64.h"
#include <stdint.h>

/* ADD, SUB, CMP: 0..4095, or a multiple of 4096 below 2^24. */
[[nodiscard]] static inline bool try_arith(uint64_t value, struct a64_arith *out) {
    if (value < 4096) {
        *out = (struct a64_arith){(uint32_t)value};
        return true;
    }
    *out = (struct a64_arith){1u << 12 | ((uint32_t)(value >> 12) & 4095u)};
    return (value & ~0xfff000ull) == 0;
}

static inline uint64_t rotate_right(uint64_t value, uint32_t by) {
    return value >> (by & 63) | value << (-by & 63);
}

/* A run of ones, rotated, in an element of 2, 4, … 64 bits, repeated. `width` W looks at bits 31..0 only. */
[[nodiscard]] static inline bool try_mask(uint64_t value, enum a64_width width, struct a64_mask *out) {
    if (width == A64_WIDTH_W) { value = (value << 32) | (value & 0xffffffffu); }
    if (value == 0 || value == UINT64_MAX) { return false; }
    uint32_t right = value & 1 ? -(uint32_t)__builtin_clzll(~value) : (uint32_t)__builtin_ctzll(value);
    uint64_t run_first = rotate_right(value, right);
    uint32_t ones = (uint32_t)__builtin_ctzll(~run_first);
    uint64_t rest = run_first >> ones;
    uint32_t element = rest ? ones + (uint32_t)__builtin_ctzll(rest) : 64;
    if (element & (element - 1)) { return false; }
    uint64_t repeated = (1ull << ones) - 1;
    for (uint32_t size = element; size < 64; size *= 2) { repeated |= repeated << size; }
    uint32_t size_bits = -2u * element & 63u;
    *out = (struct a64_mask){(element == 64) << 12 | (-right & (element - 1)) << 6 | size_bits | (ones - 1)};
    return repeated == run_first;
}

/* 16 bits at position 16 * half, half 0..3. */
static inline struct a64_wide wide(uint32_t half, uint16_t value) {
    return (struct a64_wide){(half & 3u) << 16 | value};
}

/* immr and imms of a bitfield move, each 0..63 (0..31 for W). */
static inline struct a64_field field(uint32_t immr, uint32_t imms) {
    return (struct a64_field){(immr & 63u) << 6 | (imms & 63u)};
}

static inline struct a64_amount amount(uint32_t shift) { return (struct a64_amount){shift & 63u}; }

/* 0..4 */
[[nodiscard]] static inline bool try_left(uint32_t shift, struct a64_left *out) {
    *out = (struct a64_left){shift & 7u};
    return shift <= 4;
}

static inline struct a64_bit bit_number(uint32_t bit) { return (struct a64_bit){bit & 63u}; }

/* Byte offset that is a multiple of the access size, 0..4095 units of it. */
[[nodiscard]] static inline bool try_scaled(int64_t offset, enum a64_size size, struct a64_scaled *out) {
    *out = (struct a64_scaled){(uint32_t)(offset >> size) & 4095u};
    return offset >= 0 && (int64_t)out->bits << size == offset;
}

/* Byte offset, -256..255. */
[[nodiscard]] static inline bool try_unscaled(int64_t offset, struct a64_unscaled *out) {
    *out = (struct a64_unscaled){(uint32_t)offset & 511u};
    return offset >= -256 && offset <= 255;
}

/* Byte offset of a pair of W or X registers, -64..63 units of 4 or 8. */
[[nodiscard]] static inline bool try_paired(int64_t offset, enum a64_width width, struct a64_paired *out) {
    uint32_t log2 = 2 + width;
    *out = (struct a64_paired){(uint32_t)(offset >> log2) & 127u};
    int64_t units = offset >> log2;
    return units >= -64 && units <= 63 && (int64_t)((uint64_t)units << log2) == offset;
}

/* The same in units of 16 bytes, for whole vectors. */
[[nodiscard]] static inline bool try_scaled16(int64_t offset, struct a64_scaled *out) {
    *out = (struct a64_scaled){(uint32_t)(offset >> 4) & 4095u};
    return offset >= 0 && (int64_t)out->bits << 4 == offset;
}

[[nodiscard]] static inline bool try_paired16(int64_t offset, struct a64_paired *out) {
    int64_t units = offset >> 4;
    *out = (struct a64_paired){(uint32_t)units & 127u};
    return units >= -64 && units <= 63 && (int64_t)((uint64_t)units << 4) == offset;
}

/* 1..64 */
[[nodiscard]] static inline bool try_right(uint32_t shift, struct a64_right *out) {
    *out = (struct a64_right){(128u - shift) & 127u};
    return shift >= 1 && shift <= 64;
}

static inline struct a64_index byte_index(uint32_t index) { return (struct a64_index){index & 15u}; }
static inline struct a64_lane lane_number(uint32_t lane) { return (struct a64_lane){lane & 7u}; }
static inline struct a64_byte byte_value(uint8_t value) { return (struct a64_byte){value}; }

/* Distances of branches, in words. */
[[nodiscard]] static inline bool try_target26(int64_t words, struct a64_target26 *out) {
    *out = (struct a64_target26){(uint32_t)words & 0x3ffffffu};
    return words >= -(1 << 25) && words < 1 << 25;
}

[[nodiscard]] static inline bool try_target19(int64_t words, struct a64_target19 *out) {
    *out = (struct a64_target19){(uint32_t)words & 0x7ffffu};
    return words >= -(1 << 18) && words < 1 << 18;
}

[[nodiscard]] static inline bool try_target14(int64_t words, struct a64_target14 *out) {
    *out = (struct a64_target14){(uint32_t)words & 0x3fffu};
    return words >= -(1 << 13) && words < 1 << 13;
}
