#pragma once
/* SHA-256 (FIPS 180-4 §6.2). */

#include "lib/span.h"
#include <stdint.h>

constexpr uint32_t SHA256_BYTES = 32;

struct sha256 {
    uint32_t state[8];
    uint64_t size_bytes;
    uint8_t block[64];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, struct span data);
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);

/* All at once. */
void sha256(struct span data, uint8_t digest[SHA256_BYTES]);
