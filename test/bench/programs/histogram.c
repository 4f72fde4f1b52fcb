/* How often each of 64 brightness levels occurs in 512 pixels. */
#include "program.h"

enum { PIXELS = 512, BINS = 64, BINS_AT = 1024 };

PROGRAM(histogram) {
    uint32_t *bins = (uint32_t *)(memory + BINS_AT);
    for (uint32_t i = 0; i < BINS; i++) { bins[i] = 0; }
    for (uint32_t i = 0; i < PIXELS; i++) { bins[memory[i] >> 2]++; }
    return bins[0] ^ bins[31];
}
