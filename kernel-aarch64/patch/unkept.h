#pragma once

#include <stdint.h>

/* Calls what keeps no register but sp, x18 and x29: compiled programs leave x19..x28 to guard_call() (JIT_CALLER_KEEPS). */
static inline uint64_t call_unkept(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b) {
    register uint64_t x0 __asm__("x0") = a;
    register uint64_t x1 __asm__("x1") = b;
    __asm__ volatile("blr %2"
                     : "+r"(x0), "+r"(x1)
                     : "r"(fn)
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                       "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "cc", "memory");
    return x0;
}
