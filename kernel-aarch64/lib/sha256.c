#include "lib/sha256.h"
#include "lib/mem.h"

constexpr uint32_t BLOCK_BYTES = 64;
constexpr uint32_t ROUNDS = 64;

/* FIPS 180-4 §4.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* FIPS 180-4 §5.3: the same of the square roots of the first eight. */
static const uint32_t INITIAL[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline uint32_t rotate(uint32_t x, uint32_t n) { return x >> n | x << (32 - n); }

static inline uint32_t load_be(const uint8_t *p) {
    uint32_t value;
    __builtin_memcpy(&value, p, sizeof value);
    return __builtin_bswap32(value); /* both targets, and every host that runs the tests, are little endian */
}

static inline void store_be(uint8_t *p, uint32_t value) {
    value = __builtin_bswap32(value);
    __builtin_memcpy(p, &value, sizeof value);
}

/* Word i of the message schedule (FIPS 180-4 §6), kept in a window of sixteen. */
static inline uint32_t schedule(uint32_t w[16], uint32_t i) {
    const uint32_t w15 = w[(i + 1) & 15u];
    const uint32_t w2 = w[(i + 14) & 15u];
    const uint32_t s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ w15 >> 3;
    const uint32_t s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ w2 >> 10;
    return w[i & 15u] += s0 + w[(i + 9) & 15u] + s1;
}

/* One round. The names turn with each call, so that no value is moved. `word` is used once. */
#define ROUND(a, b, c, d, e, f, g, h, i, word)                                                   \
    do {                                                                                         \
        const uint32_t t = (h) + (rotate((e), 6) ^ rotate((e), 11) ^ rotate((e), 25)) +           \
                           (((e) & (f)) ^ (~(e) & (g))) + K[i] + (word);                         \
        (d) += t;                                                                                \
        (h) = t + (rotate((a), 2) ^ rotate((a), 13) ^ rotate((a), 22)) +                            \
              (((a) & (b)) | ((c) & ((a) | (b))));                                               \
    } while (0)

#define EIGHT_ROUNDS(i, word)                       \
    ROUND(a, b, c, d, e, f, g, h, (i) + 0, word(0)); \
    ROUND(h, a, b, c, d, e, f, g, (i) + 1, word(1)); \
    ROUND(g, h, a, b, c, d, e, f, (i) + 2, word(2)); \
    ROUND(f, g, h, a, b, c, d, e, (i) + 3, word(3)); \
    ROUND(e, f, g, h, a, b, c, d, (i) + 4, word(4)); \
    ROUND(d, e, f, g, h, a, b, c, (i) + 5, word(5)); \
    ROUND(c, d, e, f, g, h, a, b, (i) + 6, word(6)); \
    ROUND(b, c, d, e, f, g, h, a, (i) + 7, word(7))

static void compress(uint32_t state[8], const uint8_t *block) {
    uint32_t w[16];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
#define FROM_BLOCK(n) (w[(i + (n)) & 15u] = load_be(block + 4 * (i + (n))))
#define FROM_SCHEDULE(n) schedule(w, i + (n))
    for (uint32_t i = 0; i < 16; i += 8) { EIGHT_ROUNDS(i, FROM_BLOCK); }
    for (uint32_t i = 16; i < ROUNDS; i += 8) { EIGHT_ROUNDS(i, FROM_SCHEDULE); }
#undef FROM_BLOCK
#undef FROM_SCHEDULE
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void sha256_start(struct sha256 *hash) {
    for (uint32_t i = 0; i < 8; i++) { hash->state[i] = INITIAL[i]; }
    hash->size_bytes = 0;
}

void sha256_add(struct sha256 *hash, struct span data) {
    while (data.size > 0) {
        const uint32_t used = (uint32_t)(hash->size_bytes % BLOCK_BYTES);
        const uint32_t room = BLOCK_BYTES - used;
        const uint32_t take = data.size < room ? data.size : room;
        if (take == BLOCK_BYTES) {
            compress(hash->state, data.data);
        } else {
            memcpy(hash->block + used, data.data, take);
            if (take == room) { compress(hash->state, hash->block); }
        }
        hash->size_bytes += take;
        data = (struct span){data.data + take, data.size - take};
    }
}

/* FIPS 180-4 §5.1: a one bit, zeros, and the size in bits at the end of a block. */
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_BYTES]) {
    constexpr uint32_t SIZE_BYTES = 2 * 4; /* of the size field; the high half stays zero */
    uint32_t used = (uint32_t)(hash->size_bytes % BLOCK_BYTES);
    hash->block[used++] = 0x80;
    if (used > BLOCK_BYTES - SIZE_BYTES) {
        memset(hash->block + used, 0, BLOCK_BYTES - used);
        compress(hash->state, hash->block);
        used = 0;
    }
    memset(hash->block + used, 0, BLOCK_BYTES - used);
    const uint64_t size_bits = __builtin_bswap64(hash->size_bytes * 8);
    memcpy(hash->block + BLOCK_BYTES - sizeof size_bits, &size_bits, sizeof size_bits);
    compress(hash->state, hash->block);
    for (uint32_t i = 0; i < SHA256_BYTES / 4; i++) { store_be(digest + 4 * i, hash->state[i]); }
}

void sha256(struct span data, uint8_t digest[SHA256_BYTES]) {
    struct sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, data);
    sha256_end(&hash, digest);
}
