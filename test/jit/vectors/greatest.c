/* A bare Linux program for AArch64: looks for what is not there, as where another core has overwritten the greatest element since it
 * was found. Prints nothing, and ends with 0 when each answer is an element that is there, else with 1. */
#include "neon/extreme.c"
#include "../bare.h"

enum { SYS_EXIT = 93, LONGEST = 200 };

static alignas(16) uint8_t memory[4 * LONGEST];

static bool lies_inside(uint64_t bytes) {
    const uint64_t at = (uint64_t)memory;
    return first_u8(at, bytes, 7) < bytes && first_u16(at, 2 * bytes, 7) < 2 * bytes && first_i32(at, 4 * bytes, 7) < 4 * bytes &&
           first_u8(at, bytes, 0) < bytes && first_u16(at, 2 * bytes, 0) < 2 * bytes && first_i32(at, 4 * bytes, 0) < 4 * bytes;
}

[[noreturn]] void _start(void) {
    bool holds = true;
    for (uint32_t i = 0; i < sizeof(memory); i++) { memory[i] = 1; }
    for (uint64_t n = 1; n <= LONGEST; n++) { holds = holds && lies_inside(n); }
    (void)system_call(SYS_EXIT, holds ? 0 : 1, 0, 0, 0, 0);
    __builtin_unreachable();
}
