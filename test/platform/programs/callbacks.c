/* Functions that helpers call back: what stays known around them, what they may hold and release; ways that must stay apart. */
#include "program.h"

struct { UINT(type, BPF_MAP_TYPE_RINGBUF); UINT(max_entries, 65536); } ring SEC(".maps");
struct { UINT(type, BPF_MAP_TYPE_SK_STORAGE); UINT(map_flags, BPF_F_NO_PREALLOC); u32 *key; u64 *value; } sockets SEC(".maps");
extern u32 LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
HELPER(u64, get_socket_cookie, void *);

/* A pointer, or 0 where there was none, is not changed by a function that writes beside it. */
struct found { u8 *at; u64 sum; };
static long add(u32 i, struct found *f) { f->sum += i; return 0; }
static long reset(u32 i, struct found *f) { if (f->at == 0) { f->at = (void *)f->sum; } return 0; }
SEC("tc") int good_beside(struct __sk_buff *c) {
    struct found f = {};
    u8 *data = DATA(c);
    if (c->mark & 1 && data + 1 <= (u8 *)DATA_END(c)) { f.at = data; }
    loop(c->priority & 7, add, &f, 0);
    return f.at ? *f.at : f.sum;
}
SEC("tc") int bad_beside(struct __sk_buff *c) {
    struct found f = {};
    u8 *data = DATA(c);
    f.sum = c->mark;
    if (data + 1 > (u8 *)DATA_END(c)) { return 0; }
    if (c->mark & 1) { f.sum = 0; }
    loop(c->priority & 7, reset, &f, 0);
    return f.at ? *f.at : f.sum; /* refused: not_a_pointer */
}

/* What a caller holds stays held. */
struct held { u64 *record; };
static long fill(u32 i, struct held *h) { *h->record += i; return 0; }
SEC("tc") int good_held(struct __sk_buff *c) {
    struct held h = {ringbuf_reserve(&ring, 8, 0)};
    if (!h.record) { return 0; }
    *h.record = 0;
    loop(4, fill, &h, 0);
    ringbuf_submit(h.record, 0);
    return 0;
}
static long give(u32 i, struct held *h) {
    ringbuf_submit(h->record, 0); /* refused: helper_argument */
    return 1;
}
SEC("tc") int bad_held(struct __sk_buff *c) {
    struct held h = {ringbuf_reserve(&ring, 8, 0)};
    if (!h.record) { return 0; }
    loop(4, give, &h, 0);
    return 0;
}

static long keep_none(u32 i, void *none) {
    u64 *record = ringbuf_reserve(&ring, 8, 0);
    if (record) { ringbuf_submit(record, 0); }
    return 0;
}
SEC("tc") int good_acquired(struct __sk_buff *c) { return loop(4, keep_none, 0, 0); }
static long keep_one(u32 i, void *none) {
    u64 *record = ringbuf_reserve(&ring, 8, 0);
    return record == 0; /* refused: reference_leak */
}
SEC("tc") int bad_acquired(struct __sk_buff *c) { return loop(4, keep_one, 0, 0); }

/* 256 ways come together where nothing may be joined. */
#define MAYBE(i) u8 *p##i = 0; if (c->mark >> i & 1) { p##i = data; __asm__ volatile("" : "+r"(p##i)); }
#define READ(i) if (p##i) { sum += *p##i; }
SEC("tc") int good_apart(struct __sk_buff *c) {
    u8 *data = DATA(c);
    u32 sum = 0;
    if (data + 1 > (u8 *)DATA_END(c)) { return 0; }
    MAYBE(0) MAYBE(1) MAYBE(2) MAYBE(3) MAYBE(4) MAYBE(5) MAYBE(6) MAYBE(7)
    __asm__ volatile("" ::: "memory");
    READ(0) READ(1) READ(2) READ(3) READ(4) READ(5) READ(6) READ(7)
    return sum;
}
SEC("tc") int bad_apart(struct __sk_buff *c) {
    u8 *data = DATA(c);
    u32 sum = 0;
    if (data + 1 > (u8 *)DATA_END(c)) { return 0; }
    MAYBE(0) MAYBE(1) MAYBE(2) MAYBE(3) MAYBE(4) MAYBE(5) MAYBE(6) MAYBE(7)
    __asm__ volatile("" ::: "memory");
    READ(0) READ(1) READ(2) READ(3) READ(4) READ(5) READ(6)
    return sum + *p7; /* refused: not_a_pointer */
}

/* Some contexts are sockets; some programs have sockets, and not in their contexts. */
SEC("cgroup/sock_create") int good_socket(struct bpf_sock *c) { return sk_storage_get(&sockets, c, 0, 1) != 0; }
SEC("cgroup/connect4") int bad_socket(struct bpf_sock_addr *c) {
    return sk_storage_get(&sockets, c, 0, 1) != 0; /* refused: helper_argument */
}
SEC("sk_reuseport") int good_cookie(struct sk_reuseport_md *c) { return get_socket_cookie(c->sk) != 0; }
SEC("sk_reuseport") int bad_cookie(struct sk_reuseport_md *c) {
    return get_socket_cookie(c) != 0; /* refused: helper_argument */
}

/* The branch for other kernels is not taken. */
SEC("tc") int good_version(struct __sk_buff *c) { return LINUX_KERNEL_VERSION < 0x61200 ? ((volatile u32 *)c)[400] : 0; }
SEC("tc") int bad_version(struct __sk_buff *c) {
    return LINUX_KERNEL_VERSION >= 0x61200 ? ((volatile u32 *)c)[400] : 0; /* refused: context_out_of_bounds */
}

/* The area of a task's memory around an address, and messages of a user. */
HELPER(void *, get_current_task_btf, void);
HELPER(long, find_vma, void *, u64, void *, void *, u64);
struct area { u64 start; };
static long note_area(void *task, struct area *area, u64 *seen) {
    *seen = area->start;
    return 0;
}
SEC("raw_tp/sys_enter") int good_area(void *c) {
    u64 seen = 0;
    find_vma(get_current_task_btf(), 0, note_area, &seen, 0);
    return seen != 0;
}
static long write_area(void *task, struct area *area, u64 *seen) {
    area->start = *seen; /* refused: context_read_only */
    return 0;
}
SEC("raw_tp/sys_enter") int bad_area(void *c) {
    u64 seen = 0;
    find_vma(get_current_task_btf(), 0, write_area, &seen, 0);
    return seen != 0;
}

struct { UINT(type, BPF_MAP_TYPE_USER_RINGBUF); UINT(max_entries, 4096); } messages SEC(".maps");
HELPER(long, user_ringbuf_drain, void *, void *, void *, u64);
HELPER(long, dynptr_read, void *, u32, const void *, u32, u64);
static long take(const void *message, u64 *sum) {
    u64 word = 0;
    if (dynptr_read(&word, sizeof(word), message, 0, 0) < 0) { return 1; }
    *sum += word;
    return 0;
}
SEC("tp/x") int good_message(void *c) {
    u64 sum = 0;
    return user_ringbuf_drain(&messages, take, &sum, 0) > 0 && sum != 0;
}
static long peek(const u64 *message, u64 *sum) {
    *sum += *message; /* refused: context_bad_access */
    return 0;
}
SEC("tp/x") int bad_message(void *c) {
    u64 sum = 0;
    return user_ringbuf_drain(&messages, peek, &sum, 0) > 0 && sum != 0;
}
SEC("tp/x") int good_drained(void *c) {
    u64 sum = 0;
    return user_ringbuf_drain(&messages, take, &sum, 0) > 0;
}
SEC("tp/x") int bad_drained(void *c) {
    u64 sum = 0;
    return user_ringbuf_drain(&ring, take, &sum, 0) > 0; /* refused: helper_argument */
}
