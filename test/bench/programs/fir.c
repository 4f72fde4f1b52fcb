/* 64 outputs of an FIR filter of 16 taps, 16-bit samples. */
#include "program.h"

enum { OUTPUTS = 64, TAPS = 16, TAPS_AT = 256, OUTPUTS_AT = 512 };

PROGRAM(fir) {
    const int16_t *samples = (const int16_t *)memory;
    const int16_t *taps = (const int16_t *)(memory + TAPS_AT);
    int32_t *outputs = (int32_t *)(memory + OUTPUTS_AT);
    int32_t all = 0;
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        int32_t sum = 0;
        for (uint32_t tap = 0; tap < TAPS; tap++) { sum += samples[i + tap] * taps[tap]; }
        outputs[i] = sum;
        all ^= sum;
    }
    return (uint32_t)all;
}
