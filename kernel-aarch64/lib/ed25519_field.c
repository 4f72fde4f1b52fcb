#include "lib/ed25519_field.h"

typedef unsigned __int128 uint128; /* clang turns a product of two uint64_t into mul and umulh, without a library call */

constexpr uint64_t MASK51 = (1ull << 51) - 1;

static inline uint128 product(uint64_t a, uint64_t b) { return (uint128)a * b; }

/* Carries five column sums into tight limbs. For loose factors a column is below 77 * 2^108 < 2^115, so each carry fits
 * 64 bits; the last column, without factors of 19, is below 5 * 2^108 + 2^64, so its carry times 19 does too. */
static inline void carry(struct field *out, uint128 r0, uint128 r1, uint128 r2, uint128 r3, uint128 r4) {
    r1 += (uint64_t)(r0 >> 51);
    r2 += (uint64_t)(r1 >> 51);
    r3 += (uint64_t)(r2 >> 51);
    r4 += (uint64_t)(r3 >> 51);
    const uint64_t low = ((uint64_t)r0 & MASK51) + 19 * (uint64_t)(r4 >> 51); /* 2^255 = 19 */
    out->limb[0] = low & MASK51;
    out->limb[1] = ((uint64_t)r1 & MASK51) + (low >> 51);
    out->limb[2] = (uint64_t)r2 & MASK51;
    out->limb[3] = (uint64_t)r3 & MASK51;
    out->limb[4] = (uint64_t)r4 & MASK51;
}

void field_multiply(struct field *out, const struct field *a, const struct field *b) {
    const uint64_t a0 = a->limb[0], a1 = a->limb[1], a2 = a->limb[2], a3 = a->limb[3], a4 = a->limb[4];
    const uint64_t b0 = b->limb[0], b1 = b->limb[1], b2 = b->limb[2], b3 = b->limb[3], b4 = b->limb[4];
    const uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4; /* below 2^59 */
    const uint128 r0 = product(a0, b0) + product(a1, c4) + product(a2, c3) + product(a3, c2) + product(a4, c1);
    const uint128 r1 = product(a0, b1) + product(a1, b0) + product(a2, c4) + product(a3, c3) + product(a4, c2);
    const uint128 r2 = product(a0, b2) + product(a1, b1) + product(a2, b0) + product(a3, c4) + product(a4, c3);
    const uint128 r3 = product(a0, b3) + product(a1, b2) + product(a2, b1) + product(a3, b0) + product(a4, c4);
    const uint128 r4 = product(a0, b4) + product(a1, b3) + product(a2, b2) + product(a3, b1) + product(a4, b0);
    carry(out, r0, r1, r2, r3, r4);
}

void field_square(struct field *out, const struct field *a) { field_square_times(out, a, 1); }

void field_square_times(struct field *out, const struct field *a, uint32_t count) {
    struct field x = *a;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t a0 = x.limb[0], a1 = x.limb[1], a2 = x.limb[2], a3 = x.limb[3], a4 = x.limb[4];
        const uint64_t d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2; /* each pair occurs twice */
        const uint64_t c3 = 19 * a3, c4 = 19 * a4;
        const uint128 r0 = product(a0, a0) + product(d1, c4) + product(d2, c3);
        const uint128 r1 = product(d0, a1) + product(d2, c4) + product(a3, c3);
        const uint128 r2 = product(d0, a2) + product(a1, a1) + product(2 * a3, c4);
        const uint128 r3 = product(d0, a3) + product(d1, a2) + product(a4, c4);
        const uint128 r4 = product(d0, a4) + product(d1, a3) + product(a2, a2);
        carry(&x, r0, r1, r2, r3, r4);
    }
    *out = x;
}

/* a^(2^250 - 1), and a^11 on the way: the common part of both powers below. */
static void power_250(struct field *out, struct field *eleven, const struct field *a) {
    struct field two, nine, t5, t10, t20, t40, t50, t100, x;
    field_square(&two, a);
    field_square_times(&x, &two, 2); /* a^8 */
    field_multiply(&nine, &x, a);
    field_multiply(eleven, &nine, &two);
    field_square(&x, eleven); /* a^22 */
    field_multiply(&t5, &x, &nine); /* tN is a^(2^N - 1) */
    field_square_times(&x, &t5, 5);
    field_multiply(&t10, &x, &t5);
    field_square_times(&x, &t10, 10);
    field_multiply(&t20, &x, &t10);
    field_square_times(&x, &t20, 20);
    field_multiply(&t40, &x, &t20);
    field_square_times(&x, &t40, 10);
    field_multiply(&t50, &x, &t10);
    field_square_times(&x, &t50, 50);
    field_multiply(&t100, &x, &t50);
    field_square_times(&x, &t100, 100);
    field_multiply(&x, &x, &t100);
    field_square_times(&x, &x, 50);
    field_multiply(out, &x, &t50);
}

void field_invert(struct field *out, const struct field *a) { /* p - 2 = (2^250 - 1) * 2^5 + 11 */
    struct field x, eleven;
    power_250(&x, &eleven, a);
    field_square_times(&x, &x, 5);
    field_multiply(out, &x, &eleven);
}

void field_power_p58(struct field *out, const struct field *a) { /* (p - 5) / 8 = (2^250 - 1) * 2^2 + 1 */
    struct field x, eleven;
    power_250(&x, &eleven, a);
    field_square_times(&x, &x, 2);
    field_multiply(out, &x, a);
}

static uint64_t load_le(const uint8_t *bytes) {
    uint64_t value;
    __builtin_memcpy(&value, bytes, sizeof value);
    return value;
}

void field_load(struct field *out, const uint8_t bytes[32]) {
    out->limb[0] = load_le(bytes) & MASK51;
    out->limb[1] = load_le(bytes + 6) >> 3 & MASK51;   /* bit 51 = 6 * 8 + 3 */
    out->limb[2] = load_le(bytes + 12) >> 6 & MASK51;  /* bit 102 */
    out->limb[3] = load_le(bytes + 19) >> 1 & MASK51;  /* bit 153 */
    out->limb[4] = load_le(bytes + 24) >> 12 & MASK51; /* bit 204 */
}

/* From each limb into the next one. */
static void carry_up(struct field *x) {
    for (uint32_t i = 0; i < 4; i++) {
        x->limb[i + 1] += x->limb[i] >> 51;
        x->limb[i] &= MASK51;
    }
}

void field_store(uint8_t bytes[32], const struct field *a) {
    struct field x = *a;
    carry_up(&x);
    x.limb[0] += 19 * (x.limb[4] >> 51);
    x.limb[4] &= MASK51; /* now below 2^255 + 19 * 9, hence 2 p; adding 19 shows by the last carry whether it is p or more */
    uint64_t quotient = (x.limb[0] + 19) >> 51;
    for (uint32_t i = 1; i < 5; i++) { quotient = (x.limb[i] + quotient) >> 51; }
    x.limb[0] += 19 * quotient; /* subtracts p: adds 19 and drops 2^255 */
    carry_up(&x);
    x.limb[4] &= MASK51;
    const uint64_t words[4] = {
        x.limb[0] | x.limb[1] << 51,
        x.limb[1] >> 13 | x.limb[2] << 38,
        x.limb[2] >> 26 | x.limb[3] << 25,
        x.limb[3] >> 39 | x.limb[4] << 12,
    };
    __builtin_memcpy(bytes, words, sizeof words);
}

bool field_is_zero(const struct field *a) {
    uint8_t bytes[32];
    field_store(bytes, a);
    uint32_t any = 0;
    for (uint32_t i = 0; i < sizeof bytes; i++) { any |= bytes[i]; }
    return any == 0;
}

bool field_is_odd(const struct field *a) {
    uint8_t bytes[32];
    field_store(bytes, a);
    return (bytes[0] & 1u) != 0;
}
