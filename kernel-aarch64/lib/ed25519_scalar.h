#pragma once
/* Numbers modulo the order of the base point, L = 2^252 + 27742317777372353535851937790883648493 (RFC 8032 §5.1).
 * Time depends on the values: only for public data. */

#include <stdint.h>

struct scalar {
    uint64_t word[4]; /* little endian, below L */
};

/* False when the number is L or more: RFC 8032 §5.1.7 refuses such an S, as it would be a second signature. */
[[nodiscard]] bool scalar_load(struct scalar *out, const uint8_t bytes[32]);

/* A number of 512 bits, little endian, modulo L. */
void scalar_reduce(struct scalar *out, const uint8_t bytes[64]);

/* Digits of one scalar: sum of digit[i] * 2^i. */
constexpr uint32_t NAF_DIGITS = 256;
constexpr uint32_t NAF_WIDTH = 5; /* digits are 0 or odd, from -15 to 15, and at least 4 zeros follow each other one */

void scalar_naf(int8_t digit[NAF_DIGITS], const struct scalar *a);
