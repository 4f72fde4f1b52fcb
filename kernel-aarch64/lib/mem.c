#include "lib/mem.h"
#include <stdint.h>

/* Loops over single bytes end after seven where words can be had: not worth writing out. */
#define ROLLED _Pragma("clang loop unroll(disable)")

/* no_builtin: the compiler must not turn these loops into calls of themselves. */
#define SELF_MADE __attribute__((no_builtin))

static inline bool same_phase(const void *a, const void *b) { return (((uintptr_t)a ^ (uintptr_t)b) & 7) == 0; }
static inline bool both_aligned(const void *a, const void *b) { return (((uintptr_t)a | (uintptr_t)b) & 7) == 0; }

/* Not restrict: memmove() uses it too. */
[[gnu::noinline]] SELF_MADE void *memcpy(void *out, const void *in, size_t size) {
    uint8_t *to = out;
    const uint8_t *from = in;
    if (same_phase(to, from)) {
        ROLLED
        for (; size > 0 && (uintptr_t)to & 7; size--) { *to++ = *from++; }
        for (; size >= 32; size -= 32, to += 32, from += 32) {
            const uint64_t *source = (const uint64_t *)(const void *)from;
            uint64_t *target = (uint64_t *)(void *)to;
            const uint64_t a = source[0], b = source[1], c = source[2], d = source[3];
            target[0] = a;
            target[1] = b;
            target[2] = c;
            target[3] = d;
        }
        for (; size >= 8; size -= 8, to += 8, from += 8) {
            *(uint64_t *)(void *)to = *(const uint64_t *)(const void *)from;
        }
    }
    ROLLED
    for (; size > 0; size--) { *to++ = *from++; }
    return out;
}

SELF_MADE void *memmove(void *to, const void *from, size_t size_bytes) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if (target <= source || target >= source + size_bytes) {
        return memcpy(to, from, size_bytes); /* goes upwards */
    }
    const bool words = same_phase(target, source);
    ROLLED /* ends in time: words that overlap lie at least eight bytes apart, and are more */
    for (; words && (uintptr_t)(target + size_bytes) & 7; size_bytes--) {
        target[size_bytes - 1] = source[size_bytes - 1];
    }
    for (; words && size_bytes >= 8; size_bytes -= 8) {
        *(uint64_t *)(void *)(target + size_bytes - 8) = *(const uint64_t *)(const void *)(source + size_bytes - 8);
    }
    ROLLED
    for (; size_bytes > 0; size_bytes--) { target[size_bytes - 1] = source[size_bytes - 1]; }
    return to;
}

SELF_MADE void *memset(void *to, int byte, size_t size_bytes) {
    uint8_t *target = to;
    const uint64_t word = (uint8_t)byte * 0x0101010101010101ull;
    ROLLED
    for (; size_bytes > 0 && ((uintptr_t)target & 7); size_bytes--) { *target++ = (uint8_t)byte; }
    for (; size_bytes >= 32; size_bytes -= 32, target += 32) {
        uint64_t *words = (uint64_t *)(void *)target;
        words[0] = word;
        words[1] = word;
        words[2] = word;
        words[3] = word;
    }
    for (; size_bytes >= 8; size_bytes -= 8, target += 8) { *(uint64_t *)(void *)target = word; }
    ROLLED
    for (; size_bytes > 0; size_bytes--) { *target++ = (uint8_t)byte; }
    return to;
}

SELF_MADE int memcmp(const void *a, const void *b, size_t size_bytes) {
    const uint8_t *left = a;
    const uint8_t *right = b;
    if (both_aligned(a, b)) {
        while (size_bytes >= 8 && *(const uint64_t *)(const void *)left == *(const uint64_t *)(const void *)right) {
            left += 8;
            right += 8;
            size_bytes -= 8;
        }
    }
    ROLLED
    for (; size_bytes > 0; size_bytes--, left++, right++) {
        if (*left != *right) { return *left < *right ? -1 : 1; }
    }
    return 0;
}
