/* Low-pass filter over the latest samples of a sensor that sends big-endian 16-bit words, as most SPI converters do. */
#include "velocity.h"

#define TAPS 16u
#define UNITY_SHIFT 12 /* the taps below sum up to 1 << 12 */

/* Hamming window, symmetric. */
static const int16_t taps[TAPS] = {24, 56, 126, 217, 316, 403, 453, 453, 453, 453, 403, 316, 217, 126, 56, 24};

struct samples {
    uint8_t window[2 * TAPS]; /* raw words of the converter, newest last */
    int32_t filtered;
    uint32_t alarms;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct samples);
} fir_samples SEC(".maps");

#define ALARM_LEVEL 1000

SEC("timer")
uint64_t fir_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    struct samples *s = bpf_map_lookup_elem(&fir_samples, &first);
    if (!s) { return 0; }

    int32_t sum = 0;
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < TAPS; i++) {
        int16_t sample = (int16_t)((uint32_t)s->window[2 * i] << 8 | s->window[2 * i + 1]);
        sum += sample * taps[i];
    }
    int32_t filtered = sum >> UNITY_SHIFT;
    s->filtered = filtered;
    if (filtered > ALARM_LEVEL || filtered < -ALARM_LEVEL) { s->alarms++; }
    return (uint32_t)filtered;
}
