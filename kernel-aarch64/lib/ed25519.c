#include "lib/ed25519.h"
#include "lib/ed25519_point.h"
#include "lib/mem.h"
#include "lib/sha2.h"

/* k = SHA-512(R || A || message) modulo L. */
static void challenge(struct scalar *k, const uint8_t *r, const uint8_t *key, const struct span *parts, uint32_t count) {
    struct sha512 hash;
    uint8_t digest[SHA512_BYTES];
    sha512_start(&hash);
    sha512_add(&hash, (struct span){r, 32});
    sha512_add(&hash, (struct span){key, ED25519_KEY_BYTES});
    for (uint32_t i = 0; i < count; i++) { sha512_add(&hash, parts[i]); }
    sha512_end(&hash, digest);
    scalar_reduce(k, digest);
}

bool ed25519_verify(const uint8_t key[ED25519_KEY_BYTES], const uint8_t signature[ED25519_SIGNATURE_BYTES],
                    const struct span *parts, uint32_t count) {
    struct point a, r;
    struct scalar s, k;
    if (!scalar_load(&s, signature + 32)) { return false; }
    if (!point_load(&a, key) || point_has_small_order(&a)) { return false; }
    challenge(&k, signature, key, parts, count);
    point_negate(&a, &a);
    point_multiply_add(&r, &s, &k, &a);
    uint8_t expected[32];
    point_store(expected, &r);
    return memcmp(expected, signature, sizeof expected) == 0;
}
