/* Signal processing and arithmetic over buffers, as sensor firmware has it. */
#include "velocity.h"

#define MAP(name_, type_, entries, key_type, value_type) \
    struct { \
        __uint(type, type_); \
        __uint(max_entries, entries); \
        __type(key, key_type); \
        __type(value, value_type); \
    } name_ SEC(".maps")

/* As -O2 leaves it where the count is not small: a loop. */
#define LOOP _Pragma("clang loop unroll(disable)")

struct buffers {
    int16_t samples[128];
    int16_t other[128];
    int16_t out[128];
    uint8_t bytes[256];
    uint8_t more[256];
    uint8_t result[256];
    uint32_t words[64];
    uint32_t counts[256];
    int32_t value;
    uint32_t state;
};
MAP(buffers, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct buffers);

static __always_inline struct buffers *get(void) {
    uint32_t zero = 0;
    return bpf_map_lookup_elem(&buffers, &zero);
}

SEC("timer/copy_bytes")
uint64_t copy_bytes(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 256; i++) { b->result[i] = b->bytes[i]; }
    return 0;
}

SEC("timer/fill_bytes")
uint64_t fill_bytes(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint8_t with = (uint8_t)ctx->tick;
    LOOP for (uint32_t i = 0; i < 256; i++) { b->result[i] = with; }
    return 0;
}

SEC("timer/sum_bytes")
uint64_t sum_bytes(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint64_t sum = 0;
    LOOP for (uint32_t i = 0; i < 256; i++) { sum += b->bytes[i]; }
    return sum;
}

SEC("timer/sum_words")
uint64_t sum_words(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint64_t sum = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) { sum += b->words[i]; }
    return sum;
}

SEC("timer/max_byte")
uint64_t max_byte(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t most = 0;
    LOOP for (uint32_t i = 0; i < 256; i++) {
        if (b->bytes[i] > most) { most = b->bytes[i]; }
    }
    return most;
}

SEC("timer/min_sample")
uint64_t min_sample(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int32_t least = 32767;
    LOOP for (uint32_t i = 0; i < 128; i++) {
        if (b->samples[i] < least) { least = b->samples[i]; }
    }
    b->value = least;
    return (uint32_t)least;
}

SEC("timer/dot_samples")
uint64_t dot_samples(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int32_t sum = 0;
    LOOP for (uint32_t i = 0; i < 128; i++) { sum += b->samples[i] * b->other[i]; }
    b->value = sum;
    return (uint32_t)sum;
}

SEC("timer/dot_bytes")
uint64_t dot_bytes(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int32_t sum = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) { sum += (int8_t)b->bytes[i] * (int8_t)b->more[i]; }
    b->value = sum;
    return (uint32_t)sum;
}

SEC("timer/internet_checksum")
uint64_t internet_checksum(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    const uint16_t *words = (const uint16_t *)b->bytes;
    uint64_t sum = 0;
    LOOP for (uint32_t i = 0; i < 128; i++) { sum += words[i]; }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

SEC("timer/xor_bytes")
uint64_t xor_bytes(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 256; i++) { b->result[i] = b->bytes[i] ^ b->more[i]; }
    return 0;
}

SEC("timer/compare_bytes")
uint64_t compare_bytes(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 128; i++) {
        if (b->bytes[i] != b->more[i]) { return 0; }
    }
    return 1;
}

SEC("timer/find_byte")
uint64_t find_byte(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t i;
    LOOP for (i = 0; i < 256; i++) {
        if (b->bytes[i] == 0x7e) { break; }
    }
    return i;
}

SEC("timer/count_byte")
uint64_t count_byte(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t n = 0;
    LOOP for (uint32_t i = 0; i < 256; i++) {
        if (b->bytes[i] == 0) { n++; }
    }
    return n;
}

SEC("timer/histogram")
uint64_t histogram(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 256; i++) { b->counts[b->bytes[i]]++; }
    return 0;
}

SEC("timer/scale_samples")
uint64_t scale_samples(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 128; i++) { b->out[i] = (int16_t)((b->samples[i] * 181) >> 8); }
    return 0;
}

SEC("timer/clip_samples")
uint64_t clip_samples(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 128; i++) {
        int32_t v = b->samples[i] + b->other[i];
        if (v > 32767) { v = 32767; }
        if (v < -32768) { v = -32768; }
        b->out[i] = (int16_t)v;
    }
    return 0;
}

SEC("timer/energy")
uint64_t energy(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int64_t sum = 0;
    LOOP for (uint32_t i = 0; i < 128; i++) { sum += (int64_t)b->samples[i] * b->samples[i]; }
    return (uint64_t)sum / 128;
}

SEC("timer/moving_average")
uint64_t moving_average(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int32_t sum = 0;
    LOOP for (uint32_t i = 0; i < 8; i++) { sum += b->samples[i]; }
    LOOP for (uint32_t i = 8; i < 64; i++) {
        b->out[i - 8] = (int16_t)(sum >> 3);
        sum += b->samples[i] - b->samples[i - 8];
    }
    return 0;
}

SEC("timer/fir_eight")
uint64_t fir_eight(struct timer_context *ctx) {
    static const int16_t taps[8] = {-12, 40, 210, 786, 786, 210, 40, -12};
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t n = 0; n < 32; n++) {
        int32_t sum = 0;
        LOOP for (uint32_t k = 0; k < 8; k++) { sum += taps[k] * b->samples[n + k]; }
        b->out[n] = (int16_t)(sum >> 11);
    }
    return 0;
}

SEC("timer/biquad")
uint64_t biquad(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int32_t z1 = 0;
    int32_t z2 = 0;
    LOOP for (uint32_t i = 0; i < 32; i++) {
        int32_t x = b->samples[i];
        int32_t y = (x * 1024 + z1) >> 12;
        z1 = x * 2048 + z2 + y * 3277;
        z2 = x * 1024 - y * 1556;
        b->out[i] = (int16_t)y;
    }
    return 0;
}

SEC("timer/zero_crossings")
uint64_t zero_crossings(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t n = 0;
    LOOP for (uint32_t i = 1; i < 128; i++) {
        if ((b->samples[i] ^ b->samples[i - 1]) < 0) { n++; }
    }
    return n;
}

SEC("timer/absolute_difference")
uint64_t absolute_difference(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t sum = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) {
        int32_t d = b->bytes[i] - b->more[i];
        sum += d < 0 ? -d : d;
    }
    return sum;
}

SEC("timer/big_endian_words")
uint64_t big_endian_words(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint64_t sum = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) {
        uint32_t w = (uint32_t)b->bytes[4 * i] << 24 | (uint32_t)b->bytes[4 * i + 1] << 16 |
            (uint32_t)b->bytes[4 * i + 2] << 8 | b->bytes[4 * i + 3];
        b->words[i] = w;
        sum += w;
    }
    return sum;
}

SEC("timer/crc8")
uint64_t crc8(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint8_t crc = 0;
    LOOP for (uint32_t i = 0; i < 8; i++) {
        crc ^= b->bytes[i];
        LOOP for (uint32_t bit = 0; bit < 8; bit++) { crc = crc & 0x80 ? (uint8_t)(crc << 1 ^ 0x07) : (uint8_t)(crc << 1); }
    }
    return crc;
}

SEC("timer/adler32")
uint64_t adler32(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t s1 = 1;
    uint32_t s2 = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) {
        s1 += b->bytes[i];
        s2 += s1;
    }
    return (s2 % 65521) << 16 | s1 % 65521;
}

SEC("timer/median3")
uint64_t median3(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 1; i < 63; i++) {
        int16_t x = b->samples[i - 1];
        int16_t y = b->samples[i];
        int16_t z = b->samples[i + 1];
        int16_t low = x < y ? x : y;
        int16_t high = x < y ? y : x;
        b->out[i] = z < low ? low : z > high ? high : z;
    }
    return 0;
}

SEC("timer/goertzel")
uint64_t goertzel(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    int64_t q1 = 0;
    int64_t q2 = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) {
        int64_t q0 = ((q1 * 27969) >> 14) - q2 + b->samples[i];
        q2 = q1;
        q1 = q0;
    }
    return (uint64_t)(q1 * q1 + q2 * q2 - ((q1 * 27969) >> 14) * q2);
}

SEC("timer/rgb_to_grey")
uint64_t rgb_to_grey(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    LOOP for (uint32_t i = 0; i < 64; i++) {
        uint32_t r = b->bytes[3 * i];
        uint32_t g = b->bytes[3 * i + 1];
        uint32_t l = b->bytes[3 * i + 2];
        b->result[i] = (uint8_t)((77 * r + 150 * g + 29 * l) >> 8);
    }
    return 0;
}

SEC("timer/popcount")
uint64_t popcount(struct timer_context *ctx) {
    struct buffers *b = get();
    if (!b) { return 0; }
    uint32_t n = 0;
    LOOP for (uint32_t i = 0; i < 32; i++) {
        uint32_t x = b->words[i];
        x = x - ((x >> 1) & 0x55555555);
        x = (x & 0x33333333) + ((x >> 2) & 0x33333333);
        x = (x + (x >> 4)) & 0x0f0f0f0f;
        n += (x * 0x01010101) >> 24;
    }
    return n;
}
