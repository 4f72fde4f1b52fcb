#pragma once
/* SHA-512 (FIPS 180-4 §6.4). */

#include "lib/span.h"
#include <stdint.h>

constexpr uint32_t SHA512_BYTES = 64;

struct sha512 {
    uint64_t state[8];
    uint64_t size_bytes; /* so at most 2^61 bytes, which no board can hold */
    uint8_t block[128];
};

void sha512_start(struct sha512 *hash);
void sha512_add(struct sha512 *hash, struct span data);
void sha512_end(struct sha512 *hash, uint8_t digest[SHA512_BYTES]);
