/* Programs for Linux with what the board has not: each kind of function that is called back, legacy packet loads, an arena. */
#include "random.h"

struct sums {
    uint64_t a, b, c;
};

static long add(uint32_t i, struct sums *s) {
    s->a += i * s->b;
    s->b ^= s->a >> 7;
    return s->c && (s->a & 31) == 5;
}
SEC("tc") int looped(struct __sk_buff *skb) {
    struct sums s = {.a = bpf_ktime_get_ns(), .b = 3, .c = 1};
    long turns = bpf_loop(s.a & 63, add, &s, 0);
    return s.a ^ s.b ^ turns;
}

static long inner(uint32_t i, struct sums *s) {
    s->c += i ^ s->b;
    return 0;
}
static long outer(uint32_t i, struct sums *s) {
    uint64_t before = s->a;
    s->b = i;
    bpf_loop(i & 7, inner, s, 0);
    s->a = before * 5 + s->c;
    return 0;
}
SEC("tc") int nested(struct __sk_buff *skb) {
    struct sums s = {.a = 1};
    uint64_t kept = bpf_get_prandom_u32();
    bpf_loop(20, outer, &s, 0);
    bpf_loop(3, inner, &s, 0);
    return s.a + s.c * kept;
}

/* One of two functions, chosen while it runs. */
SEC("tc") int chosen(struct __sk_buff *skb) {
    struct sums s = {.a = 1, .b = 2};
    bpf_loop(9, bpf_get_prandom_u32() & 1 ? add : inner, &s, 0);
    return s.a + s.b * 3 + s.c * 7;
}

static long each(void *map, const uint32_t *key, struct cell *value, struct sums *s) {
    value->words[*key & 7] += s->a++;
    s->b = s->b * 31 + value->words[9];
    return value->words[3] % 5 == 0;
}
SEC("tc") int counted(struct __sk_buff *skb) {
    struct sums s = {.a = 2};
    long count = bpf_for_each_map_elem(&cells, each, &s, 0);
    return s.a * 3 + s.b + count;
}

struct waiting {
    struct bpf_timer timer;
    uint64_t words[4];
};
MAP(timers, BPF_MAP_TYPE_ARRAY, uint32_t, struct waiting, 1);
static int rings(void *map, uint32_t *key, struct waiting *value) {
    value->words[0] += value->words[1] * 3 + *key;
    return 0;
}
SEC("tc") int timed(struct __sk_buff *skb) {
    uint32_t key = 0;
    struct waiting *w = bpf_map_lookup_elem(&timers, &key);
    if (!w) { return 1; }
    bpf_timer_init(&w->timer, &timers, 1);
    bpf_timer_set_callback(&w->timer, rings);
    bpf_timer_start(&w->timer, 1000, 0);
    return w->words[2];
}

SEC("tc") int loaded(struct __sk_buff *skb) {
    uint64_t a = bpf_ktime_get_ns(), b = load_word(skb, 12), c = load_half(skb, a & 127);
    return a * 3 + b * 5 + c * 7 + load_byte(skb, (b & 63) + 70);
}

uint64_t ARENA SEC(".addr_space.1") shared[256];
SEC("tc") int lent(struct __sk_buff *skb) {
    uint64_t ARENA *at = &shared[bpf_get_prandom_u32() & 127];
    at[1] += 3;
    ((uint8_t ARENA *)at)[5] = 9;
    ((uint16_t ARENA *)at)[300] = at[2];
    shared[3] = (uint64_t)(long)at; /* as users have it */
    __sync_fetch_and_add((uint64_t ARENA *)&at[4], 5);
    uint32_t old = __sync_val_compare_and_swap((uint32_t ARENA *)at, 1, 7);
    return __sync_lock_test_and_set((uint64_t ARENA *)&at[6], old) + ((uint32_t ARENA *)at)[9];
}
static long fill(uint32_t i, struct sums *s) {
    shared[(i * 7) & 255] ^= s->a += i;
    return 0;
}
SEC("tc") int lent_inside(struct __sk_buff *skb) {
    struct sums s = {.a = 77};
    bpf_loop(40, fill, &s, 0);
    return shared[s.a & 255];
}
/* Whatever is added, what lies there is found by 32 bits. */
SEC("tc") int lent_far(struct __sk_buff *skb) {
    uint64_t far = bpf_ktime_get_ns() << 32;
    uint8_t ARENA *at = (uint8_t ARENA *)shared;
    uint64_t *there = (uint64_t *)(at + (far | 64));
    there += far;
    shared[1] = (uint64_t)there;
    return there[2];
}
/* More than there are registers for: what waits on the stack is in others, but not in that of the arena. */
SEC("tc") int lent_all(struct __sk_buff *skb) {
    uint64_t v[16], sum = 0;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) { v[i] = shared[i * 3]; }
    uint64_t chance = bpf_ktime_get_ns();
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) { sum += v[i] * (chance + i); }
    shared[chance & 255] = sum;
    return sum;
}
