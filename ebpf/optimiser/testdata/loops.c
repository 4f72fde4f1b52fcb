/* Loops as people write them, for tests of the optimiser: each is unrolled, simplified and proven. */
#include "velocity.h"

#define LOOP _Pragma("clang loop unroll(disable) vectorize(disable)")

struct data {
    uint8_t bytes[256];
    uint32_t words[64];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct data);
} data SEC(".maps");

static __always_inline struct data *get(void) {
    uint32_t first = 0;
    return bpf_map_lookup_elem(&data, &first);
}

/* Internet checksum of big-endian words, byte by byte. */
SEC("timer/checksum")
uint64_t checksum(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    uint32_t sum = 0;
    LOOP for (uint32_t i = 0; i < 64; i++) { sum += (uint32_t)d->bytes[2 * i] << 8 | d->bytes[2 * i + 1]; }
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    return (uint16_t)~sum;
}

SEC("timer/crc32")
uint64_t crc32(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    uint32_t crc = ~0u;
    LOOP for (uint32_t i = 0; i < 4; i++) {
        crc ^= d->bytes[i];
        LOOP for (uint32_t bit = 0; bit < 8; bit++) { crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1; }
    }
    return ~crc;
}

SEC("timer/fnv")
uint64_t fnv(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    uint64_t hash = 0xcbf29ce484222325u;
    LOOP for (uint32_t i = 0; i < 32; i++) {
        hash ^= d->bytes[i];
        hash *= 0x100000001b3u;
    }
    return hash;
}

/* The divisor is only known to be a power of two once the variable is followed. */
SEC("timer/mean")
uint64_t mean(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    volatile uint32_t count = 32;
    uint64_t sum = 0;
    LOOP for (uint32_t i = 0; i < 32; i++) { sum += d->words[i]; }
    return sum / count;
}

SEC("timer/largest")
uint64_t largest(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    int32_t most = 0;
    LOOP for (uint32_t i = 0; i < 32; i++) {
        int32_t value = (int32_t)d->words[i];
        if (value < 0) { value = -value; }
        if (value > most) { most = value; }
    }
    d->words[63] = (uint32_t)most;
    return (uint32_t)most;
}

/* Stores at offsets that depend on data. */
SEC("timer/count")
uint64_t count(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    LOOP for (uint32_t i = 0; i < 16; i++) { d->words[d->bytes[i] & 15]++; }
    return 0;
}

SEC("timer/smooth")
uint64_t smooth(struct timer_context *ctx) {
    struct data *d = get();
    if (!d) { return 0; }
    int32_t level = (int32_t)d->words[0];
    LOOP for (uint32_t i = 1; i < 48; i++) { level += ((int32_t)d->words[i] - level) >> 3; }
    d->words[0] = (uint32_t)level;
    return (uint32_t)level;
}

/* Ends early, where the frame does. */
SEC("packet/parity")
uint64_t parity(struct packet_context *ctx) {
    uint8_t *at = ctx->data;
    uint8_t *end = ctx->data_end;
    uint32_t sum = 0;
    LOOP for (uint32_t i = 0; i < 48; i++) {
        if (at + i + 1 > end) { break; }
        sum += at[i];
    }
    return sum & 1 ? PACKET_DROP : PACKET_PASS;
}

SEC("timer/scratch")
uint64_t scratch(struct timer_context *ctx) {
    uint64_t values[8];
    LOOP for (uint32_t i = 0; i < 8; i++) { values[i] = ctx->tick * (i + 3); }
    uint64_t result = 0;
    LOOP for (uint32_t i = 0; i < 8; i++) { result ^= values[i] >> i; }
    return result;
}
