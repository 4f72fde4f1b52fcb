/* Interprets 128 instructions of an accumulator machine of 32 operations. */
#include "program.h"

PROGRAM(big_switch) {
    uint32_t a = 1;
    for (uint32_t i = 0; i < 128; i++) {
        switch (memory[i] & 31) {
        case 0: a += 1; break;
        case 1: a -= 3; break;
        case 2: a <<= 1; break;
        case 3: a ^= 0x5a5a; break;
        case 4: a >>= 3; break;
        case 5: a *= 5; break;
        case 6: a = ~a; break;
        case 7: a |= 0x11; break;
        case 8: a &= 0xffffff; break;
        case 9: a += i; break;
        case 10: a -= i; break;
        case 11: a ^= i; break;
        case 12: a = a << 7 | a >> 25; break;
        case 13: a = 0u - a; break;
        case 14: a += a << 4; break;
        case 15: a ^= a >> 5; break;
        case 16: a = a / 3; break;
        case 17: a = a % 1000003; break;
        case 18: a += 0x12345678; break;
        case 19: a ^= 0x80000000; break;
        case 20: a |= a << 2; break;
        case 21: a &= a >> 1; break;
        case 22: a = a < 1000 ? 1000 : a; break;
        case 23: a = a > 1u << 30 ? a >> 1 : a; break;
        case 24: a *= a; break;
        case 25: a += memory[i + 128]; break;
        case 26: a ^= memory[i + 128]; break;
        case 27: a *= memory[i + 128]; break;
        case 28: a -= memory[i + 128]; break;
        case 29: a = a & 1 ? a + 7 : a - 7; break;
        case 30: a = a << 16 | a >> 16; break;
        default: a = a == 0 ? 1 : a; break;
        }
    }
    return a;
}
