#include "neon/block.h"
#include "neon/routines.h"

static inline void count(uint64_t bins, uint64_t value) { put32(bins + 4 * value, get32(bins + 4 * value) + 1); }

/* UBFX (DDI 0487 C6.2): written so that the index is scaled by the load; the compiler would shift and mask. */
#define BYTE(word, shift)                                                                       \
    ({                                                                                          \
        uint64_t byte_;                                                                         \
        __asm__("ubfx %0, %1, %2, #8" : "=r"(byte_) : "r"(word), "i"(shift));                   \
        byte_;                                                                                  \
    })

/* There is no scatter in NEON: eight bytes are loaded at a time and counted one after the other. */
ROUTINE(vl_histogram_u8) {
    uint64_t i = 0;
    for (; i + 8 <= r3; i += 8) {
        const uint64_t eight = get64(r2 + i);
        count(r1, BYTE(eight, 0));
        count(r1, BYTE(eight, 8));
        count(r1, BYTE(eight, 16));
        count(r1, BYTE(eight, 24));
        count(r1, BYTE(eight, 32));
        count(r1, BYTE(eight, 40));
        count(r1, BYTE(eight, 48));
        count(r1, BYTE(eight, 56));
    }
    for (; i < r3; i++) { count(r1, get8(r2 + i)); }
    return 0;
}
