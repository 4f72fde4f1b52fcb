#include "neon/block.h"
#include "neon/routines.h"

/* Up to 16 bytes, all read before the first is written. */
static void copy_little(uint64_t to, uint64_t from, uint64_t n) {
    if (n >= 8) {
        const uint64_t first = get64(from), last = get64(from + n - 8);
        put64(to, first);
        put64(to + n - 8, last);
    } else if (n >= 4) {
        const uint32_t first = get32(from), last = get32(from + n - 4);
        put32(to, first);
        put32(to + n - 4, last);
    } else if (n > 0) {
        const uint8_t first = get8(from), middle = get8(from + n / 2), last = get8(from + n - 1);
        put8(to, first);
        put8(to + n / 2, middle);
        put8(to + n - 1, last);
    }
}

static void copy_block(uint64_t to, uint64_t from) {
    const uint8x16_t a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
}

/* What lies behind the last whole block is read before anything is written: it may be overwritten by then. */
static void copy_up(uint64_t to, uint64_t from, uint64_t n) {
    const uint64_t last = n - 64;
    const uint8x16_t a = load(from + last), b = load(from + last + 16), c = load(from + last + 32), d = load(from + last + 48);
    for (uint64_t i = 0; i < last; i += 64) { copy_block(to + i, from + i); }
    store(to + last, a);
    store(to + last + 16, b);
    store(to + last + 32, c);
    store(to + last + 48, d);
}

static void copy_down(uint64_t to, uint64_t from, uint64_t n) {
    const uint8x16_t a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
    for (uint64_t i = n; i > 64; i -= 64) { copy_block(to + i - 64, from + i - 64); }
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
}

ROUTINE(vl_mem_copy) {
    if (r3 <= 16) {
        copy_little(r1, r2, r3);
    } else if (r3 <= 64) {
        const uint64_t middle = r3 > 32 ? 16 : 0; /* 17..32 bytes: twice the same two */
        const uint8x16_t a = load(r2), b = load(r2 + middle), c = load(r2 + r3 - 16 - middle), d = load(r2 + r3 - 16);
        store(r1, a);
        store(r1 + middle, b);
        store(r1 + r3 - 16 - middle, c);
        store(r1 + r3 - 16, d);
    } else if (r1 - r2 >= r3) {
        copy_up(r1, r2, r3);
    } else {
        copy_down(r1, r2, r3);
    }
    return 0;
}

ROUTINE(vl_mem_fill) {
    const uint8x16_t value = vdupq_n_u8((uint8_t)r2);
    uint64_t i = 0;
    if (r3 < 16) {
        const uint64_t word = vgetq_lane_u64(vreinterpretq_u64_u8(value), 0);
        if (r3 & 8) { put64(r1 + i, word), i += 8; }
        if (r3 & 4) { put32(r1 + i, (uint32_t)word), i += 4; }
        if (r3 & 2) { put16(r1 + i, (uint16_t)word), i += 2; }
        if (r3 & 1) { put8(r1 + i, (uint8_t)word); }
        return 0;
    }
    for (; i + 64 <= r3; i += 64) {
        store(r1 + i, value);
        store(r1 + i + 16, value);
        store(r1 + i + 32, value);
        store(r1 + i + 48, value);
    }
    for (; i + 16 <= r3; i += 16) { store(r1 + i, value); }
    store(r1 + r3 - 16, value);
    return 0;
}

static void xor_block(uint64_t to, uint64_t from) { store(to, veorq_u8(load(to), load(from))); }

static void xor_up(uint64_t to, uint64_t from, uint64_t n) {
    uint64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        xor_block(to + i, from + i);
        xor_block(to + i + 16, from + i + 16);
        xor_block(to + i + 32, from + i + 32);
        xor_block(to + i + 48, from + i + 48);
    }
    for (; i + 16 <= n; i += 16) { xor_block(to + i, from + i); }
    if (n & 8) { put64(to + i, get64(to + i) ^ get64(from + i)), i += 8; }
    if (n & 4) { put32(to + i, get32(to + i) ^ get32(from + i)), i += 4; }
    if (n & 2) { put16(to + i, get16(to + i) ^ get16(from + i)), i += 2; }
    if (n & 1) { put8(to + i, get8(to + i) ^ get8(from + i)); }
}

static void xor_down(uint64_t to, uint64_t from, uint64_t n) {
    uint64_t i = n;
    for (; i >= 16; i -= 16) { xor_block(to + i - 16, from + i - 16); }
    if (n & 8) { i -= 8, put64(to + i, get64(to + i) ^ get64(from + i)); }
    if (n & 4) { i -= 4, put32(to + i, get32(to + i) ^ get32(from + i)); }
    if (n & 2) { i -= 2, put16(to + i, get16(to + i) ^ get16(from + i)); }
    if (n & 1) { put8(to, get8(to) ^ get8(from)); }
}

/* `from` as it was before: what is read later is not written earlier. */
ROUTINE(vl_mem_xor) {
    if (r1 - r2 >= r3 || r1 == r2) {
        xor_up(r1, r2, r3);
    } else {
        xor_down(r1, r2, r3);
    }
    return 0;
}

static uint8x16_t differ64(uint64_t a, uint64_t b) {
    const uint8x16_t first = vorrq_u8(veorq_u8(load(a), load(b)), veorq_u8(load(a + 16), load(b + 16)));
    const uint8x16_t second = vorrq_u8(veorq_u8(load(a + 32), load(b + 32)), veorq_u8(load(a + 48), load(b + 48)));
    return vorrq_u8(first, second);
}

static bool any(uint8x16_t bytes) { return mask_of(vtstq_u8(bytes, bytes)) != 0; }

ROUTINE(vl_mem_compare) {
    uint64_t i = 0;
    while (i + 64 <= r3 && !any(differ64(r1 + i, r2 + i))) { i += 64; }
    for (; i < r3; i += 16) {
        const uint64_t left = r3 - i;
        const uint8x16_t a = left >= 16 ? load(r1 + i) : load_part(r1 + i, left);
        const uint8x16_t b = left >= 16 ? load(r2 + i) : load_part(r2 + i, left);
        const uint64_t same = mask_of(vceqq_u8(a, b));
        if (~same == 0) { continue; }
        i += (uint64_t)__builtin_ctzll(~same) / 4;
        return (uint64_t)(int64_t)(get8(r1 + i) - get8(r2 + i));
    }
    return 0;
}

ROUTINE(vl_mem_find) {
    const uint8x16_t wanted = vdupq_n_u8((uint8_t)r3);
    uint64_t i = 0;
    for (; i + 64 <= r2; i += 64) {
        const uint8x16_t first = vorrq_u8(vceqq_u8(load(r1 + i), wanted), vceqq_u8(load(r1 + i + 16), wanted));
        const uint8x16_t second = vorrq_u8(vceqq_u8(load(r1 + i + 32), wanted), vceqq_u8(load(r1 + i + 48), wanted));
        if (mask_of(vorrq_u8(first, second)) != 0) { break; }
    }
    for (; i < r2; i += 16) {
        const uint64_t left = r2 - i;
        const uint8x16_t data = left >= 16 ? load(r1 + i) : load_part(r1 + i, left);
        uint64_t found = mask_of(vceqq_u8(data, wanted));
        if (left < 16) { found &= (1ull << 4 * left) - 1; }
        if (found != 0) { return i + (uint64_t)__builtin_ctzll(found) / 4; }
    }
    return UINT64_MAX;
}
