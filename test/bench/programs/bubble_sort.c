/* Sorts a copy of 32 words by swapping neighbours. */
#include "program.h"

PROGRAM(bubble_sort) {
    uint32_t *words = (uint32_t *)(memory + 128);
    for (uint32_t i = 0; i < 32; i++) { words[i] = ((const uint32_t *)memory)[i]; }
    for (uint32_t end = 31; end > 0; end--) {
        for (uint32_t i = 0; i < end; i++) {
            uint32_t left = words[i];
            uint32_t right = words[i + 1];
            if (left > right) {
                words[i] = right;
                words[i + 1] = left;
            }
        }
    }
    return words[0] ^ words[31];
}
