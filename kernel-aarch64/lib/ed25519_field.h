#pragma once
/* Arithmetic modulo p = 2^255 - 19, in five limbs of radix 2^51.
 *
 * A limb is *tight* below 2^52, *loose* below 2^54. Products take loose elements and give tight ones, so sums and
 * differences are never carried: each function says what it takes. Time depends on the values: only for public data. */

#include <stdint.h>

struct field {
    uint64_t limb[5];
};

/* Loose in, tight out. `out` may be one of the arguments. */
void field_multiply(struct field *out, const struct field *a, const struct field *b);
void field_square(struct field *out, const struct field *a);
/* 2^count squarings in a row; count >= 1. */
void field_square_times(struct field *out, const struct field *a, uint32_t count);

/* a^(p-2), so 1/a, and 0 for 0. */
void field_invert(struct field *out, const struct field *a);
/* a^((p-5)/8), the heart of a square root (RFC 8032 §5.1.3). */
void field_power_p58(struct field *out, const struct field *a);

/* Little endian, 255 bits; the highest bit is ignored, values from p on are taken modulo p. Tight. */
void field_load(struct field *out, const uint8_t bytes[32]);
/* The one canonical encoding. Takes a loose element. */
void field_store(uint8_t bytes[32], const struct field *a);

/* Loose in. */
[[nodiscard]] bool field_is_zero(const struct field *a);
[[nodiscard]] bool field_is_odd(const struct field *a);

/* Tight + tight is below 2^53. */
static inline void field_add(struct field *out, const struct field *a, const struct field *b) {
    for (uint32_t i = 0; i < 5; i++) { out->limb[i] = a->limb[i] + b->limb[i]; }
}

/* a - b + 4p. `b` must be tight or a sum of two tight elements as products give them (< 2^53 - 76);
 * `a` below 2^53; the result is loose. */
static inline void field_subtract(struct field *out, const struct field *a, const struct field *b) {
    constexpr uint64_t FOUR_P_LOW = 4 * ((1ull << 51) - 19);
    constexpr uint64_t FOUR_P_HIGH = 4 * ((1ull << 51) - 1);
    out->limb[0] = a->limb[0] + FOUR_P_LOW - b->limb[0];
    for (uint32_t i = 1; i < 5; i++) { out->limb[i] = a->limb[i] + FOUR_P_HIGH - b->limb[i]; }
}
