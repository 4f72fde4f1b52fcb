#include "lib/crc32.h"
#include "neon/block.h"
#include "neon/routines.h"

/* No lane of 32 bits overflows over so many bytes: 2^14 blocks, each adding at most 2 * 65535. */
#define CHUNK_BYTES (1ull << 18)

static uint64_t less(uint64_t a, uint64_t b) { return a < b ? a : b; }

ROUTINE(vl_sum_u8) {
    uint64_t sum = 0;
    for (uint64_t size; r2 > 0; r1 += size, r2 -= size) {
        uint32x4_t lanes = vdupq_n_u32(0);
        uint64_t i = 0;
        size = less(r2, CHUNK_BYTES);
        for (; i + 64 <= size; i += 64) {
            uint16x8_t pairs = vpaddlq_u8(load(r1 + i));
            pairs = vpadalq_u8(pairs, load(r1 + i + 16));
            pairs = vpadalq_u8(pairs, load(r1 + i + 32));
            pairs = vpadalq_u8(pairs, load(r1 + i + 48));
            lanes = vpadalq_u16(lanes, pairs);
        }
        for (; i + 16 <= size; i += 16) { lanes = vpadalq_u16(lanes, vpaddlq_u8(load(r1 + i))); }
        if (i < size) { lanes = vpadalq_u16(lanes, vpaddlq_u8(load_part(r1 + i, size - i))); }
        sum += vaddlvq_u32(lanes);
    }
    return sum;
}

static uint64_t sum16(uint64_t at, uint64_t bytes) {
    uint64_t sum = 0;
    for (uint64_t size; bytes > 0; at += size, bytes -= size) {
        uint32x4_t lanes = vdupq_n_u32(0);
        uint64_t i = 0;
        size = less(bytes, CHUNK_BYTES);
        for (; i + 64 <= size; i += 64) {
            lanes = vpadalq_u16(lanes, vreinterpretq_u16_u8(load(at + i)));
            lanes = vpadalq_u16(lanes, vreinterpretq_u16_u8(load(at + i + 16)));
            lanes = vpadalq_u16(lanes, vreinterpretq_u16_u8(load(at + i + 32)));
            lanes = vpadalq_u16(lanes, vreinterpretq_u16_u8(load(at + i + 48)));
        }
        for (; i + 16 <= size; i += 16) { lanes = vpadalq_u16(lanes, vreinterpretq_u16_u8(load(at + i))); }
        if (i < size) { lanes = vpadalq_u16(lanes, vreinterpretq_u16_u8(load_part(at + i, size - i))); }
        sum += vaddlvq_u32(lanes);
    }
    return sum;
}

ROUTINE(vl_sum_u16) { return sum16(r1, 2 * r2); }

/* RFC 1071 §2: end-around carries may come last. The sum is below 2^48, so the first step leaves less than 2^33. */
ROUTINE(vl_checksum) {
    uint64_t sum = (uint32_t)r3 + sum16(r1, r2);
    while (sum >> 16) { sum = (sum & 0xffff) + (sum >> 16); }
    return sum;
}

ROUTINE(vl_sum_i32) {
    int64x2_t lanes = vdupq_n_s64(0);
    const uint64_t size = 4 * r2;
    uint64_t i = 0;
    for (; i + 64 <= size; i += 64) {
        lanes = vpadalq_s32(lanes, vreinterpretq_s32_u8(load(r1 + i)));
        lanes = vpadalq_s32(lanes, vreinterpretq_s32_u8(load(r1 + i + 16)));
        lanes = vpadalq_s32(lanes, vreinterpretq_s32_u8(load(r1 + i + 32)));
        lanes = vpadalq_s32(lanes, vreinterpretq_s32_u8(load(r1 + i + 48)));
    }
    for (; i + 16 <= size; i += 16) { lanes = vpadalq_s32(lanes, vreinterpretq_s32_u8(load(r1 + i))); }
    if (i < size) { lanes = vpadalq_s32(lanes, vreinterpretq_s32_u8(load_part(r1 + i, size - i))); }
    return (uint64_t)vaddvq_s64(lanes);
}

ROUTINE(vl_crc32_table) { return crc32_update((uint32_t)r3, bytes_at(r1), (uint32_t)r2); }

/* FEAT_CRC32 (DDI 0487 C6.2, CRC32B to CRC32X) */
__attribute__((target("crc"))) ROUTINE(vl_crc32) {
    uint32_t crc = ~(uint32_t)r3;
    uint64_t i = 0;
    for (; i + 32 <= r2; i += 32) {
        crc = __builtin_arm_crc32d(crc, get64(r1 + i));
        crc = __builtin_arm_crc32d(crc, get64(r1 + i + 8));
        crc = __builtin_arm_crc32d(crc, get64(r1 + i + 16));
        crc = __builtin_arm_crc32d(crc, get64(r1 + i + 24));
    }
    for (; i + 8 <= r2; i += 8) { crc = __builtin_arm_crc32d(crc, get64(r1 + i)); }
    if (r2 & 4) { crc = __builtin_arm_crc32w(crc, get32(r1 + i)), i += 4; }
    if (r2 & 2) { crc = __builtin_arm_crc32h(crc, get16(r1 + i)), i += 2; }
    if (r2 & 1) { crc = __builtin_arm_crc32b(crc, get8(r1 + i)); }
    return (uint32_t)~crc;
}
