/*
 * Loops over buffers that the vector helpers of the contract can do, in other people's manners: pointers that walk, counts that
 * run down, `while` and `do`, differences gathered with `|`, nested loops. Written after the recogniser and without looking at
 * it: what it finds here, it was not developed on.
 */
#include "velocity.h"

#define MAP(name_, type_, entries, key_type, value_type) \
    struct { \
        __uint(type, type_); \
        __uint(max_entries, entries); \
        __type(key, key_type); \
        __type(value, value_type); \
    } name_ SEC(".maps")

/* As -O2 leaves it where the count is not small: a loop. */
#define ROLLED _Pragma("clang loop unroll(disable)")

struct device {
    uint32_t frame[64];
    uint32_t shadow[64];
    uint16_t adc[128];
    int32_t level[80];
    uint8_t temperature[96];
    int16_t left[96];
    int16_t right[96];
    int8_t weight[4][16];
    int8_t input[16];
    int32_t output[4];
    uint8_t key[32];
    uint8_t stream[192];
    uint8_t pad[192];
};
MAP(state, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct device);

#define DEVICE(d) \
    uint32_t which = 0; \
    struct device *d = bpf_map_lookup_elem(&state, &which); \
    if (!d) { return 0; }

SEC("timer/blit_frame")
uint64_t blit_frame(struct timer_context *ctx) {
    DEVICE(d)
    const uint32_t *from = d->frame;
    const uint32_t *end = from + 64;
    uint32_t *to = d->shadow;
    ROLLED while (from != end) { *to++ = *from++; }
    return 1;
}

SEC("timer/clear_stream")
uint64_t clear_stream(struct timer_context *ctx) {
    DEVICE(d)
    uint8_t *p = d->stream;
    int n = 192;
    ROLLED do { *p++ = 0xff; } while (--n);
    return 0;
}

SEC("timer/mean_adc")
uint64_t mean_adc(struct timer_context *ctx) {
    DEVICE(d)
    uint32_t total = 0;
    const uint16_t *reading = d->adc;
    ROLLED for (int left = 100; left > 0; left--) { total += *reading++; }
    return total / 100;
}

SEC("timer/level_total")
uint64_t level_total(struct timer_context *ctx) {
    DEVICE(d)
    int64_t total = 0;
    ROLLED for (int i = 79; i >= 0; i--) { total += d->level[i]; }
    return (uint64_t)total;
}

SEC("timer/loudest")
uint64_t loudest(struct timer_context *ctx) {
    DEVICE(d)
    uint16_t peak = d->adc[0];
    ROLLED for (unsigned i = 1; i < 96; ++i) { peak = peak > d->adc[i] ? peak : d->adc[i]; }
    return peak;
}

SEC("timer/coldest")
uint64_t coldest(struct timer_context *ctx) {
    DEVICE(d)
    const int32_t *p = d->level;
    int32_t low = *p++;
    int n = 63;
    ROLLED while (n--) {
        int32_t v = *p++;
        if (low > v) { low = v; }
    }
    return (uint64_t)(int64_t)low;
}

SEC("timer/hottest_place")
uint64_t hottest_place(struct timer_context *ctx) {
    DEVICE(d)
    uint32_t best = 0;
    ROLLED for (uint32_t i = 1; i < 96; i++) {
        if (d->temperature[i] > d->temperature[best]) { best = i; }
    }
    return best;
}

SEC("timer/correlate")
uint64_t correlate(struct timer_context *ctx) {
    DEVICE(d)
    const int16_t *a = d->left;
    const int16_t *b = d->right;
    int64_t acc = 0;
    ROLLED for (int n = 0; n != 96; n++) { acc += (int64_t)(*a++) * *b++; }
    return (uint64_t)acc;
}

SEC("timer/neuron")
uint64_t neuron(struct timer_context *ctx) {
    DEVICE(d)
    int acc = 0;
    int i = 0;
    ROLLED while (i < 16) {
        acc += d->weight[2][i] * d->input[i];
        i++;
    }
    d->output[2] = acc;
    return 0;
}

SEC("timer/dense_layer")
uint64_t dense_layer(struct timer_context *ctx) {
    DEVICE(d)
    ROLLED for (int row = 0; row < 4; row++) {
        int acc = 0;
        ROLLED for (int column = 0; column < 16; column++) { acc += d->weight[row][column] * d->input[column]; }
        d->output[row] = acc;
    }
    return 0;
}

SEC("timer/whiten")
uint64_t whiten(struct timer_context *ctx) {
    DEVICE(d)
    uint8_t *p = d->stream;
    const uint8_t *k = d->pad;
    ROLLED for (uint32_t left = 192; left; left--) { *p++ ^= *k++; }
    return 0;
}

SEC("timer/same_key")
uint64_t same_key(struct timer_context *ctx) {
    DEVICE(d)
    uint8_t difference = 0;
    ROLLED for (int i = 0; i < 32; i++) { difference |= d->key[i] ^ d->stream[i]; }
    return difference == 0;
}

SEC("timer/line_length")
uint64_t line_length(struct timer_context *ctx) {
    DEVICE(d)
    int n = 0;
    ROLLED while (n < 160 && d->stream[n] != '\n') { n++; }
    return n;
}

SEC("timer/stream_checksum")
uint64_t stream_checksum(struct timer_context *ctx) {
    DEVICE(d)
    uint32_t sum = 0;
    const uint16_t *word = (const uint16_t *)d->stream;
    unsigned bytes = 192;
    ROLLED while (bytes > 1) {
        sum += *word++;
        bytes -= 2;
    }
    sum = (sum >> 16) + (sum & 0xffff);
    sum += sum >> 16;
    return (uint16_t)~sum;
}

SEC("timer/frame_crc")
uint64_t frame_crc(struct timer_context *ctx) {
    DEVICE(d)
    uint32_t crc = ~0u;
    ROLLED for (int i = 0; i < 16; i++) {
        crc ^= d->stream[i];
        ROLLED for (int k = 0; k < 8; k++) { crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1; }
    }
    return ~crc;
}

SEC("packet/payload_sum")
uint64_t payload_sum(struct packet_context *ctx) {
    const uint8_t *p = ctx->data;
    const uint8_t *end = ctx->data_end;
    if (p + 14 + 46 > end) { return 0; }
    uint64_t sum = 0;
    p += 14;
    ROLLED for (int i = 0; i < 46; i++) { sum += p[i]; }
    return sum & 1;
}
