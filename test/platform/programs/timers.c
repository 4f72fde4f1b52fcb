/* Timers in values of maps: made for the map that they are in, called later with that map, a key and a value, touched by nobody else. */
#include "program.h"

struct timed { u64 count; struct bpf_timer timer; };
MAP(clocks, BPF_MAP_TYPE_ARRAY, u32, struct timed, 1);
MAP(others, BPF_MAP_TYPE_HASH, u32, struct timed, 16);
HELPER(long, timer_init, void *, void *, u64);
HELPER(long, timer_set_callback, void *, void *);
HELPER(long, timer_start, void *, u64, u64);
HELPER(long, timer_cancel, void *);
#define EVERY_NS 1000000

INLINE struct timed *clock(void) {
    u32 key = 0;
    return map_lookup_elem(&clocks, &key);
}
static int tick(void *map, u32 *key, struct timed *t) {
    t->count += 1 + *key;
    timer_start(&t->timer, EVERY_NS, 0);
    return 0;
}

SEC("tc") int good_started(struct __sk_buff *c) {
    struct timed *t = clock();
    if (!t) { return 0; }
    timer_init(&t->timer, &clocks, 1);
    timer_set_callback(&t->timer, tick);
    timer_start(&t->timer, EVERY_NS, 0);
    return 0;
}
SEC("tc") int bad_started(struct __sk_buff *c) {
    struct timed *t = clock();
    if (!t) { return 0; }
    timer_init(&t->timer, &others, 1); /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_called_off(struct __sk_buff *c) {
    struct timed *t = clock();
    if (!t) { return 0; }
    timer_cancel(&t->timer);
    t->count = 0;
    return 0;
}
SEC("tc") int bad_called_off(struct __sk_buff *c) {
    struct timed *t = clock();
    if (!t) { return 0; }
    timer_cancel(&t->count); /* refused: helper_argument */
    return 0;
}

SEC("tc") int good_value(struct __sk_buff *c) {
    struct timed *t = clock();
    return t ? t->count : 0;
}
SEC("tc") int bad_value(struct __sk_buff *c) {
    struct timed *t = clock();
    return t ? *(u64 *)&t->timer : 0; /* refused: kernel_field */
}
