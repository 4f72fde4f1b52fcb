#include "lib/sha512.h"
#include "lib/mem.h"

constexpr uint32_t BLOCK_BYTES = 128;
constexpr uint32_t ROUNDS = 80;

/* FIPS 180-4 §4.2: the first 64 bits of the fractions of the cube roots of the first 80 primes. */
static const uint64_t K[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* FIPS 180-4 §5.3: the same of the square roots of the first eight. */
static const uint64_t INITIAL[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static inline uint64_t rotate(uint64_t x, uint32_t n) { return x >> n | x << (64 - n); }

static inline uint64_t load_be(const uint8_t *p) {
    uint64_t value;
    __builtin_memcpy(&value, p, sizeof value);
    return __builtin_bswap64(value); /* both targets, and every host that runs the tests, are little endian */
}

static inline void store_be(uint8_t *p, uint64_t value) {
    value = __builtin_bswap64(value);
    __builtin_memcpy(p, &value, sizeof value);
}

/* Word i of the message schedule (FIPS 180-4 §6), kept in a window of sixteen. */
static inline uint64_t schedule(uint64_t w[16], uint32_t i) {
    const uint64_t w15 = w[(i + 1) & 15u];
    const uint64_t w2 = w[(i + 14) & 15u];
    const uint64_t s0 = rotate(w15, 1) ^ rotate(w15, 8) ^ w15 >> 7;
    const uint64_t s1 = rotate(w2, 19) ^ rotate(w2, 61) ^ w2 >> 6;
    return w[i & 15u] += s0 + w[(i + 9) & 15u] + s1;
}

/* One round. The names turn with each call, so that no value is moved. `word` is used once. */
#define ROUND(a, b, c, d, e, f, g, h, i, word)                                                   \
    do {                                                                                         \
        const uint64_t t = (h) + (rotate((e), 14) ^ rotate((e), 18) ^ rotate((e), 41)) +           \
                           (((e) & (f)) ^ (~(e) & (g))) + K[i] + (word);                         \
        (d) += t;                                                                                \
        (h) = t + (rotate((a), 28) ^ rotate((a), 34) ^ rotate((a), 39)) +                            \
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

static void compress(uint64_t state[8], const uint8_t *block) {
    uint64_t w[16];
    uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint64_t e = state[4], f = state[5], g = state[6], h = state[7];
#define FROM_BLOCK(n) (w[(i + (n)) & 15u] = load_be(block + 8 * (i + (n))))
#define FROM_SCHEDULE(n) schedule(w, i + (n))
    for (uint32_t i = 0; i < 16; i += 8) { EIGHT_ROUNDS(i, FROM_BLOCK); }
    for (uint32_t i = 16; i < ROUNDS; i += 8) { EIGHT_ROUNDS(i, FROM_SCHEDULE); }
#undef FROM_BLOCK
#undef FROM_SCHEDULE
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void sha512_start(struct sha512 *hash) {
    for (uint32_t i = 0; i < 8; i++) { hash->state[i] = INITIAL[i]; }
    hash->size_bytes = 0;
}

void sha512_add(struct sha512 *hash, struct span data) {
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
void sha512_end(struct sha512 *hash, uint8_t digest[SHA512_BYTES]) {
    constexpr uint32_t SIZE_BYTES = 2 * 8; /* of the size field; the high half stays zero */
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
    for (uint32_t i = 0; i < SHA512_BYTES / 8; i++) { store_be(digest + 8 * i, hash->state[i]); }
}
