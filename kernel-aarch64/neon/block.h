#pragma once
/* Blocks of 16 bytes at any address, and what is left of one. */

#include <arm_neon.h>
#include <stdint.h>

#define ROUTINE(name)                                                                                         \
    uint64_t name([[maybe_unused]] uint64_t r1, [[maybe_unused]] uint64_t r2, [[maybe_unused]] uint64_t r3, \
                  [[maybe_unused]] uint64_t r4, [[maybe_unused]] uint64_t r5)

static inline const uint8_t *bytes_at(uint64_t addr) { return (const uint8_t *)addr; }

#define WORD(bits) \
    typedef uint##bits##_t unaligned##bits __attribute__((aligned(1), may_alias)); \
    static inline uint##bits##_t get##bits(uint64_t addr) { return *(const unaligned##bits *)addr; } \
    static inline void put##bits(uint64_t addr, uint##bits##_t value) { *(unaligned##bits *)addr = value; }
WORD(8)
WORD(16)
WORD(32)
WORD(64)

static inline uint8x16_t load(uint64_t addr) { return vld1q_u8(bytes_at(addr)); }
static inline void store(uint64_t addr, uint8x16_t value) { vst1q_u8((uint8_t *)addr, value); }

/* The n bytes there, 0..15, with zeros behind them; nothing else is read. From the last to the first, by the bits of n. */
static inline uint8x16_t load_part(uint64_t addr, uint64_t n) {
    uint64_t low = 0, high = 0, at = addr + n;
    if (n & 1) { low = get8(at -= 1); }
    if (n & 2) { low = low << 16 | get16(at -= 2); }
    if (n & 4) { low = low << 32 | get32(at -= 4); }
    if (n & 8) {
        high = low;
        low = get64(addr);
    }
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

/* Four bits for each byte of a comparison's result, lowest first. */
static inline uint64_t mask_of(uint8x16_t equal) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(equal), 4)), 0);
}
