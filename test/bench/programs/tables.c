/* 128 readings of up to 100 channels: the number of each is compared before it is an index. */
#include "program.h"

enum { READINGS = 128, CHANNELS = 100, SUMS_AT = 1024 };

PROGRAM(tables) {
    uint32_t *sums = (uint32_t *)(memory + SUMS_AT);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < CHANNELS; i++) { sums[i] = 0; }
    for (uint32_t i = 0; i < READINGS; i++) {
        uint32_t channel = memory[2 * i];
        if (channel >= CHANNELS) {
            refused++;
            continue;
        }
        sums[channel] += memory[2 * i + 1];
    }
    return refused ^ sums[0];
}
