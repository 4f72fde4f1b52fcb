/* Low-pass filter over a block of samples with a vector helper: 64 outputs a tick, Q15, saturating. ../fir does the same work
 * for one output in a loop. */
#include "velocity.h"

#define TAPS 16u
#define OUTPUTS 64u

/* Hamming window, symmetric; the taps sum up to 1 << 15. */
static const int16_t taps[TAPS] = {192, 448, 1008, 1736, 2528, 3224, 3624, 3624, 3624, 3624, 3224, 2528, 1736, 1008, 448, 192};

struct block {
    int16_t samples[OUTPUTS + TAPS - 1]; /* native byte order, newest last */
    int16_t filtered[OUTPUTS];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct block);
} low_pass_block SEC(".maps");

SEC("timer")
uint64_t low_pass_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    struct block *b = bpf_map_lookup_elem(&low_pass_block, &first);
    if (!b) { return 0; }

    vl_fir_i16(b->filtered, b->samples, taps, OUTPUTS, TAPS);
    return (uint16_t)b->filtered[OUTPUTS - 1];
}
