#include "lib/varint.h"

uint8_t *put_signed(uint8_t *out, uint64_t value) {
    uint64_t rest = value << 1 ^ (uint64_t)((int64_t)value >> 63);
    for (; rest >= 128; rest >>= 7) { *out++ = (uint8_t)rest | 128; }
    *out++ = (uint8_t)rest;
    return out;
}
