/* Loops that vector helpers do, as people write them, and some that look like it. */
#include "velocity.h"

struct buffers {
    int16_t samples[64];
    int16_t other[64];
    uint8_t bytes[64];
    uint8_t more[64];
    uint16_t words[64];
    int32_t numbers[64];
    uint32_t counts[256];
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct buffers);
} buffers SEC(".maps");

static __always_inline struct buffers *get(void) {
    uint32_t zero = 0;
    return bpf_map_lookup_elem(&buffers, &zero);
}

#define TURNS(n) _Pragma("clang loop unroll(disable)") for (uint32_t i = 0; i < (n); i++)
#define UNROLLED(by) _Pragma(by) for (uint32_t i = 0; i < 64; i++)
#define PROGRAM(name, ...) \
    SEC("timer/" #name) uint64_t name([[maybe_unused]] struct timer_context *ctx) { \
        struct buffers *b = get(); \
        if (!b) { return 0; } \
        __VA_ARGS__ \
    }

PROGRAM(sum_u8, uint32_t sum = 7; TURNS(64) { sum += b->bytes[i]; } return sum;)
PROGRAM(sum_u16, uint64_t sum = ctx->tick; TURNS(64) { sum += b->words[i]; } return sum;)
PROGRAM(sum_i32, int64_t sum = 0; TURNS(64) { sum += b->numbers[i]; } return (uint64_t)sum;)
PROGRAM(sum_by_2, uint64_t sum = 0; UNROLLED("clang loop unroll_count(2)") { sum += b->words[i]; } return sum;)
PROGRAM(sum_by_4, uint64_t sum = 0; UNROLLED("clang loop unroll_count(4)") { sum += b->bytes[i]; } return sum;)
PROGRAM(sum_by_8, uint64_t sum = 0; UNROLLED("clang loop unroll_count(8)") { sum += b->bytes[i]; } return sum;)
PROGRAM(dot_i16, int64_t sum = 0; TURNS(64) { sum += b->samples[i] * b->other[i]; } return (uint64_t)sum;)
PROGRAM(dot_i8, int32_t sum = 0; TURNS(64) { sum += (int8_t)b->bytes[i] * (int8_t)b->more[i]; } return (uint32_t)sum;)
PROGRAM(dot_by_4, int64_t sum = 0; UNROLLED("clang loop unroll_count(4)") { sum += b->samples[i] * b->other[i]; } return (uint64_t)sum;)
/* Around the loop all registers of arguments are needed; those that find no other are kept on the stack. */
PROGRAM(dot_rows, _Pragma("clang loop unroll(disable)") for (uint32_t row = 0; row < 4; row++) {
    int32_t sum = 0;
    TURNS(16) { sum += (int8_t)b->bytes[row * 16 + i] * (int8_t)b->more[i]; }
    b->numbers[row] = sum;
} return 0;)
/* A short loop within: unrolled, and its taps, the same in all turns, spilled. */
#define TAPPED(n) _Pragma("clang loop unroll(full)") for (uint32_t tap = 0; tap < (n); tap++) { sum += b->samples[i + tap] * b->other[tap]; }
PROGRAM(filter, TURNS(4) { int32_t sum = 0; TAPPED(16) b->numbers[i] = sum; } return 0;)
PROGRAM(dot_line, uint32_t i = 2; int64_t sum = 0; TAPPED(16) return (uint32_t)sum;)
PROGRAM(max_u8, uint32_t most = 0; TURNS(64) { if (b->bytes[i] > most) { most = b->bytes[i]; } } return most;)
PROGRAM(min_u16, uint32_t least = 0xffff; TURNS(64) { if (b->words[i] < least) { least = b->words[i]; } } return least;)
PROGRAM(max_i32, int32_t most = b->numbers[0]; TURNS(64) { if (b->numbers[i] > most) { most = b->numbers[i]; } } return (uint32_t)most;)
/* Where the largest one is: found by its place, or kept beside it. */
PROGRAM(place_u8, uint32_t best = 0; _Pragma("clang loop unroll(disable)") for (uint32_t i = 1; i < 64; i++) { if (b->bytes[i] > b->bytes[best]) { best = i; } } return best;)
PROGRAM(place_i32, int at = 0; int i = 1; _Pragma("clang loop unroll(disable)") while (i != 48) { if (b->numbers[at] < b->numbers[i]) { at = i; } ++i; } return at + 1;)
PROGRAM(place_kept, uint16_t most = b->words[0]; uint32_t best = 0; TURNS(64) { if (b->words[i] > most) { most = b->words[i]; best = i; } } b->counts[0] = best; return most;)
/* Checksums bit by bit, as different people write them: what differs is how a bit decides, and what goes on from where. */
#define BITS(n) _Pragma("clang loop unroll(disable)") for (int bit = 0; bit < (n); bit++)
PROGRAM(crc_chosen, uint32_t crc = ~0u; for (int i = 0; i < 24; i++) { crc ^= b->bytes[i]; for (int k = 0; k < 8; k++) { crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1; } } return ~crc;)
PROGRAM(crc_masked, uint32_t crc = ~0u; const uint8_t *p = b->more; _Pragma("clang loop unroll(disable)") for (int n = 20; n--;) { crc ^= *p++; BITS(8) { crc = (crc >> 1) ^ (0xedb88320 & -(crc & 1)); } } b->counts[0] = ~crc; return 7;)
PROGRAM(crc_times, uint32_t c = 0; TURNS(16) { uint32_t x = (c ^ b->bytes[i]) & 0xff; BITS(8) { x = (x >> 1) ^ (0xedb88320u * (x & 1)); } c = (c >> 8) ^ x; } return c;)
PROGRAM(crc_going_on, uint32_t crc = b->counts[3]; TURNS(12) { uint8_t byte = b->bytes[i]; BITS(8) { uint32_t low = (crc ^ byte) & 1; crc >>= 1; if (low) { crc ^= 0xedb88320; } byte >>= 1; } } b->counts[3] = crc; return crc & 1;)
/* Compared, or gathered bit by bit: eight bytes at a time. */
PROGRAM(same_token, uint8_t apart = 0; TURNS(24) { apart |= b->bytes[i] ^ b->more[i + 8]; } return apart ? 1 : 2;)
PROGRAM(parity_from, uint8_t x = (uint8_t)ctx->tick; const uint8_t *p = b->bytes; int n = 60; _Pragma("clang loop unroll(disable)") do { x ^= *p++; } while (--n); return x;)
PROGRAM(any_flag, uint32_t any = 0; TURNS(64) { any |= b->counts[i] & 0xf0; } return any;)
PROGRAM(all_set, uint32_t all = ~0u; TURNS(32) { all &= b->words[i]; } return all;)
PROGRAM(same_words, TURNS(30) { if (b->words[i] != (uint16_t)b->other[i]) { return 5; } } return 6;)
/* What two calls do. */
PROGRAM(min_i16, int32_t least = 32767; TURNS(64) { if (b->samples[i] < least) { least = b->samples[i]; } } b->numbers[0] = least; return (uint32_t)least;)
PROGRAM(max_i16, int32_t most = b->numbers[3]; _Pragma("clang loop unroll(disable)") for (int i = 0; i < 37; i++) { most = b->other[i] > most ? b->other[i] : most; } return (uint64_t)most;)
PROGRAM(sum_u32_on, uint64_t sum = ctx->tick; const uint32_t *p = b->counts; _Pragma("clang loop unroll(disable)") for (int left = 50; left; left--) { sum += *p++; } return sum;)
PROGRAM(copy, TURNS(64) { b->more[i] = b->bytes[i]; } return 0;)
PROGRAM(copy_by_4, UNROLLED("clang loop unroll_count(4)") { b->other[i] = b->samples[i]; } return 0;)
PROGRAM(fill, uint8_t with = (uint8_t)ctx->tick; TURNS(64) { b->more[i] = with; asm volatile("" : : : "memory"); } return 0;)
PROGRAM(xor_in_place, TURNS(64) { b->more[i] ^= b->bytes[i]; } return 0;)
PROGRAM(compare, TURNS(64) { if (b->bytes[i] != b->more[i]) { return 3; } } return 4;)
PROGRAM(find, uint32_t i; _Pragma("clang loop unroll(disable)") for (i = 0; i < 64; i++) { if (b->bytes[i] == 0x7e) { break; } } return i;)
/* What is read says which bin counts it. */
PROGRAM(bins_u8, TURNS(64) { b->counts[b->bytes[i]]++; } return 0;)
PROGRAM(bins_by_4, UNROLLED("clang loop unroll_count(4)") { b->counts[b->bytes[i]] += 1; } return b->counts[7];)

/* From the last element to the first. */
#define DOWN(n) _Pragma("clang loop unroll(disable)") for (int32_t i = (n) - 1; i >= 0; i--)
PROGRAM(sum_down, int64_t sum = 0; DOWN(64) { sum += b->numbers[i]; } return (uint64_t)sum;)
PROGRAM(dot_down, int64_t sum = 0; DOWN(64) { sum += b->samples[i] * b->other[i]; } return (uint64_t)sum;)
PROGRAM(max_down, uint32_t most = 0; DOWN(64) { if (b->bytes[i] > most) { most = b->bytes[i]; } } return most;)
PROGRAM(copy_down, DOWN(64) { b->more[i] = b->bytes[i]; asm volatile("" : : : "memory"); } return 0;)

/* What is read was written the turn before. */
PROGRAM(smear, TURNS(63) { b->bytes[i + 1] = b->bytes[i]; asm volatile("" : : : "memory"); } return 0;)
PROGRAM(smear_down, DOWN(63) { b->bytes[i] = b->bytes[i + 1]; asm volatile("" : : : "memory"); } return 0;)
/* Every other one. */
PROGRAM(every_second, uint64_t sum = 0; TURNS(32) { sum += b->bytes[2 * i]; } return sum;)
PROGRAM(every_second_down, uint64_t sum = 0; DOWN(32) { sum += b->bytes[2 * i]; } return sum;)
/* Unsigned where the helper is signed. */
PROGRAM(sum_u32, uint64_t sum = 0; TURNS(64) { sum += (uint32_t)b->numbers[i]; } return sum;)
/* The running sum leaves the loop too. */
PROGRAM(running, uint32_t sum = 0; TURNS(64) { sum += b->bytes[i]; b->words[i] = (uint16_t)sum; } return sum;)
/* A sample is replaced before it is filtered. */
PROGRAM(stale, TURNS(32) { int32_t sum = 0; b->samples[i + 3] = (int16_t)i; asm volatile("" : : : "memory"); TAPPED(16) b->numbers[i] = sum; } return 0;)
/* The last of several, the smallest, and what no helper compares. */
PROGRAM(last_place, uint32_t best = 0; TURNS(64) { if (b->bytes[i] >= b->bytes[best]) { best = i; } } return best;)
PROGRAM(least_place, uint32_t best = 0; TURNS(64) { if (b->bytes[i] < b->bytes[best]) { best = i; } } return best;)
PROGRAM(signed_place, uint32_t best = 0; TURNS(64) { if (b->samples[i] > b->samples[best]) { best = i; } } return best;)
PROGRAM(other_place, uint32_t best = 0; TURNS(64) { if (b->bytes[i] > b->more[best]) { best = i; } } return best;)
/* Another polynomial, a step too few, and a bit that does not count. */
PROGRAM(crc_castagnoli, uint32_t crc = ~0u; TURNS(16) { crc ^= b->bytes[i]; BITS(8) { crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1; } } return ~crc;)
PROGRAM(crc_seven, uint32_t crc = ~0u; TURNS(16) { crc ^= b->bytes[i]; BITS(7) { crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1; } } return ~crc;)
PROGRAM(crc_ascii, uint32_t crc = ~0u; TURNS(16) { crc ^= b->bytes[i] & 0x7f; BITS(8) { crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1; } } return ~crc;)
/* Bits that move, places with gaps, and how far it came. */
PROGRAM(rotated, uint32_t x = 0; TURNS(24) { x = (x << 1) ^ b->bytes[i]; } return x;)
PROGRAM(shifted, uint8_t apart = 0; TURNS(24) { apart |= (uint8_t)(b->bytes[i] << 1) ^ b->more[i]; } return apart;)
PROGRAM(with_gaps, uint8_t apart = 0; TURNS(24) { apart |= b->bytes[2 * i] ^ b->more[i]; } return apart;)
PROGRAM(how_far, uint32_t i; _Pragma("clang loop unroll(disable)") for (i = 0; i < 64; i++) { if (b->bytes[i] != b->more[i]) { break; } } return i;)
/* Counted twice, in the bin beside it, at every other element, in what is read, and as many as the element says. */
PROGRAM(bins_twice, TURNS(64) { b->counts[b->bytes[i]] += 2; } return 0;)
PROGRAM(bins_beside, TURNS(64) { b->counts[b->bytes[i]] = b->counts[b->bytes[i] ^ 1] + 1; } return 0;)
PROGRAM(bins_with_gaps, TURNS(32) { b->counts[b->bytes[2 * i]]++; } return 0;)
PROGRAM(bins_overlapping, uint8_t *p = (uint8_t *)b->counts; TURNS(64) { b->counts[p[i]]++; } return 0;)
PROGRAM(bins_weighed, TURNS(64) { b->counts[b->bytes[i]] += b->more[i]; } return 0;)
