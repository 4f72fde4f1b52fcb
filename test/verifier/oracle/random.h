#pragma once
/* splitmix64: small, and good enough to choose instructions. */

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r) {
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint32_t random_below(struct random *r, uint32_t limit) { return (uint32_t)(random_next(r) >> 33) % limit; }
static inline bool random_chance(struct random *r, uint32_t percent) { return random_below(r, 100) < percent; }

/* Numbers at which mistakes hide: small ones, powers of two and their neighbours, and the limits of each width. */
static inline int32_t random_imm(struct random *r) {
    switch (random_below(r, 5)) {
    case 0: return (int32_t)random_below(r, 16) - 4;
    case 1: return (int32_t)((1u << random_below(r, 32)) + random_below(r, 3) - 1);
    case 2: return (int32_t)random_next(r);
    case 3: return random_chance(r, 50) ? INT32_MAX : INT32_MIN;
    default: return (int32_t)random_below(r, 300);
    }
}
