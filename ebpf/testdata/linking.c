/* Everything that linking has to handle: local functions, each kind of data section, maps in both forms. */
#include "velocity.h"

struct legacy_map {
    uint32_t type, key_size, value_size, max_entries, map_flags;
};

struct legacy_map old_map __attribute__((section("maps"), used)) = {BPF_MAP_TYPE_HASH, 4, 16, 33, 0};

struct pair {
    uint32_t a, b;
};
typedef const struct pair pair_alias;

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 3);
    __uint(map_flags, BPF_F_RDONLY_PROG);
    __type(key, uint32_t);
    __type(value, pair_alias[2][3]);
} new_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 7);
    __uint(key_size, 6);
    __uint(value_size, 5);
} sized_map SEC(".maps");

volatile uint64_t zeroed[4];
volatile uint32_t seeded = 0x12345678;
const volatile uint16_t fixed[3] = {1, 2, 3};
const volatile uint32_t behind = 9;

static __attribute__((noinline)) uint64_t twice(uint64_t x) { return x + x + zeroed[1]; }
static __attribute__((noinline)) uint64_t four_times(uint64_t x) { return twice(twice(x)); }

SEC("timer/first")
uint64_t first(struct timer_context *ctx) { return four_times(ctx->tick) + seeded + fixed[2] + behind; }

SEC("timer/second")
uint64_t second(struct timer_context *ctx) {
    uint32_t key = 1;
    uint64_t sum = twice(1);
    uint32_t *old = bpf_map_lookup_elem(&old_map, &key);
    uint32_t *fresh = bpf_map_lookup_elem(&new_map, &key);
    if (old) { sum += old[3]; }
    if (fresh) { sum += fresh[11]; }
    return sum;
}

SEC("xdp")
uint64_t third(struct packet_context *ctx) { return ctx->len > 60 ? PACKET_PASS : PACKET_DROP; }
