/* 128-bit multiplication, which WebAssembly lacks; clang calls it by this name (compiler-rt's interface). */
#include <stdint.h>

typedef unsigned __int128 uint128;

/* Schoolbook, by halves of 32 bits: no product or sum below exceeds 64 bits. */
static uint128 multiply64(uint64_t a, uint64_t b) {
    const uint64_t a_low = (uint32_t)a, a_high = a >> 32;
    const uint64_t b_low = (uint32_t)b, b_high = b >> 32;
    const uint64_t low = a_low * b_low;
    const uint64_t middle = a_high * b_low + (low >> 32);
    const uint64_t other = a_low * b_high + (uint32_t)middle;
    const uint64_t high = a_high * b_high + (middle >> 32) + (other >> 32);
    return (uint128)high << 64 | (other << 32 | (uint32_t)low);
}

__int128 __multi3(__int128 a, __int128 b) {
    const uint64_t a_low = (uint64_t)a, b_low = (uint64_t)b;
    const uint64_t a_high = (uint64_t)((uint128)a >> 64), b_high = (uint64_t)((uint128)b >> 64);
    const uint64_t cross = a_high * b_low + a_low * b_high;
    return (__int128)(multiply64(a_low, b_low) + ((uint128)cross << 64));
}
