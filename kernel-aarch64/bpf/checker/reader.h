#pragma once
/* Reads a certificate: unsigned numbers of seven bits a byte, low ones first, the top bit set in all but the last (LEB128).
 * After an error everything reads as 0, and `bad` stays set. */

#include <stdint.h>

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

[[gnu::noinline]] static uint64_t read_long(struct reader *in) {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64 && in->at != in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) { break; }
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) { return value; }
    }
    in->bad = true;
    in->at = in->end;
    return 0;
}

static inline uint64_t read_number(struct reader *in) {
    if (in->at != in->end && *in->at < 128) { return *in->at++; }
    return read_long(in);
}

static inline uint8_t read_byte(struct reader *in) {
    if (in->at != in->end) { return *in->at++; }
    in->bad = true;
    return 0;
}

/* Small numbers of either sign: 0, -1, 1, -2, … */
static inline int64_t read_signed(struct reader *in) {
    uint64_t value = read_number(in);
    return (int64_t)(value >> 1 ^ -(value & 1));
}
