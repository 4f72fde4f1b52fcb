/* Fletcher-32 of 256 words of 16 bits; with so few of them the sums need reducing only at the end. */
#include "program.h"

static uint32_t fold(uint32_t sum) { return (sum & 0xffff) + (sum >> 16); }

PROGRAM(fletcher32) {
    const uint16_t *words = (const uint16_t *)memory;
    uint32_t first = 0xffff;
    uint32_t second = 0xffff;
    for (uint32_t i = 0; i < 256; i++) {
        first += words[i];
        second += first;
    }
    return fold(fold(second)) << 16 | fold(fold(first));
}
