#pragma once
/* SHA-256 and SHA-512 (FIPS 180-4 §6.2 and §6.4). */

#include "lib/span.h"
#include <stdint.h>

constexpr uint32_t SHA256_BYTES = 32;
constexpr uint32_t SHA512_BYTES = 64;

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

struct sha512 {
    uint64_t state[8];
    uint64_t size_bytes; /* so at most 2^61 bytes, which no board can hold */
    uint8_t block[128];
};

void sha512_start(struct sha512 *hash);
void sha512_add(struct sha512 *hash, struct span data);
void sha512_end(struct sha512 *hash, uint8_t digest[SHA512_BYTES]);
