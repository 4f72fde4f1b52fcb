#include "neon/block.h"
#include "neon/routines.h"

/* Blocks may overlap: looking at an element twice changes nothing. */
#define EXTREME(name, type, vector, suffix, what)                                                              \
    [[clang::noinline]] static type name(uint64_t at, uint64_t n) {                                            \
        const uint64_t size = n * sizeof(type);                                                                \
        if (size < 16) {                                                                                       \
            type best = (type)GET(type)(at);                                                                   \
            for (uint64_t i = sizeof(type); i < size; i += sizeof(type)) {                                     \
                const type next = (type)GET(type)(at + i);                                                     \
                best = BETTER_##what(next, best) ? next : best;                                                \
            }                                                                                                  \
            return best;                                                                                       \
        }                                                                                                      \
        vector best = vreinterpretq_##suffix##_u8(load(at + size - 16)); /* a no-op for u8 */                   \
        uint64_t i = 0;                                                                                        \
        for (; i + 64 <= size; i += 64) {                                                                      \
            const vector a = v##what##q_##suffix(LOAD(suffix, at + i), LOAD(suffix, at + i + 16));             \
            const vector b = v##what##q_##suffix(LOAD(suffix, at + i + 32), LOAD(suffix, at + i + 48));        \
            best = v##what##q_##suffix(best, v##what##q_##suffix(a, b));                                       \
        }                                                                                                      \
        for (; i + 16 <= size; i += 16) { best = v##what##q_##suffix(best, LOAD(suffix, at + i)); }            \
        return v##what##vq_##suffix(best);                                                                     \
    }

#define GET(type) GET_##type
#define GET_uint8_t get8
#define GET_uint16_t get16
#define GET_int32_t get32
#define BETTER_min(a, b) ((a) < (b))
#define BETTER_max(a, b) ((a) > (b))
#define LOAD(suffix, at) vreinterpretq_##suffix##_u8(load(at))
#define vreinterpretq_u8_u8(bytes) (bytes)

EXTREME(min_u8, uint8_t, uint8x16_t, u8, min)
EXTREME(min_u16, uint16_t, uint16x8_t, u16, min)
EXTREME(min_i32, int32_t, int32x4_t, s32, min)
EXTREME(max_u8, uint8_t, uint8x16_t, u8, max)
EXTREME(max_u16, uint16_t, uint16x8_t, u16, max)
EXTREME(max_i32, int32_t, int32x4_t, s32, max)

ROUTINE(vl_min_u8) { return min_u8(r1, r2); }
ROUTINE(vl_min_u16) { return min_u16(r1, r2); }
ROUTINE(vl_min_i32) { return (uint64_t)(int64_t)min_i32(r1, r2); }
ROUTINE(vl_max_u8) { return max_u8(r1, r2); }
ROUTINE(vl_max_u16) { return max_u16(r1, r2); }
ROUTINE(vl_max_i32) { return (uint64_t)(int64_t)max_i32(r1, r2); }

/* Byte offset of the first element that equals `value`, or of some other: what was found before may have been overwritten since, by
 * another core. The verifier counts on an element that is there. */
#define FIRST(name, suffix, vector, scalar)                                                                     \
    static uint64_t name(uint64_t at, uint64_t size, scalar value) {                                            \
        const vector wanted = vdupq_n_##suffix(value);                                                          \
        uint64_t i = 0;                                                                                         \
        for (; i + 64 <= size; i += 64) {                                                                       \
            const uint8x16_t a = vorrq_u8(EQUAL(suffix, at + i, wanted), EQUAL(suffix, at + i + 16, wanted));   \
            const uint8x16_t b = vorrq_u8(EQUAL(suffix, at + i + 32, wanted), EQUAL(suffix, at + i + 48, wanted)); \
            if (mask_of(vorrq_u8(a, b)) != 0) { break; }                                                        \
        }                                                                                                       \
        for (;; i += 16) {                                                                                      \
            const bool whole = size - i >= 16;                                                                  \
            const vector data = vreinterpretq_##suffix##_u8(whole ? load(at + i) : load_part(at + i, size - i)); \
            const uint64_t found = mask_of(BYTES(suffix, vceqq_##suffix(data, wanted)));                        \
            if (found == 0 && whole) { continue; }                                                              \
            const uint64_t place = i + (uint64_t)__builtin_ctzll(found | 1ull << 63) / 4;                       \
            return place < size ? place : size - 1;                                                             \
        }                                                                                                       \
    }
#define BYTES(suffix, lanes) BYTES_##suffix(lanes)
#define BYTES_u8(lanes) (lanes)
#define BYTES_u16(lanes) vreinterpretq_u8_u16(lanes)
#define BYTES_s32(lanes) vreinterpretq_u8_u32(lanes)
#define EQUAL(suffix, at, wanted) BYTES(suffix, vceqq_##suffix(LOAD(suffix, at), wanted))

FIRST(first_u8, u8, uint8x16_t, uint8_t)
FIRST(first_u16, u16, uint16x8_t, uint16_t)
FIRST(first_i32, s32, int32x4_t, int32_t)

ROUTINE(vl_argmax_u8) { return first_u8(r1, r2, max_u8(r1, r2)); }
ROUTINE(vl_argmax_u16) { return first_u16(r1, 2 * r2, max_u16(r1, r2)) / 2; }
ROUTINE(vl_argmax_i32) { return first_i32(r1, 4 * r2, max_i32(r1, r2)) / 4; }
