/* Functions that are not static: Linux judges each by itself, for any arguments of its types, and its callers by those types. */
#include "program.h"

#define GLOBAL __attribute__((noinline))
#define ARG(tag) __attribute__((btf_decl_tag("arg:" #tag)))
#define HIDE(x) __asm__ volatile("" : "+r"(x))

struct pair { u32 a, b; };
MAP(pairs, BPF_MAP_TYPE_ARRAY, u32, struct pair, 4);
struct { UINT(type, BPF_MAP_TYPE_RINGBUF); UINT(max_entries, 65536); } ring SEC(".maps");
u32 table[8];

GLOBAL int bounded(u32 i) { return table[i & 7]; }
SEC("tc") int good_index(struct __sk_buff *c) { return bounded(3); }
GLOBAL int unbounded(u32 i) { return table[i]; } /* refused: unbounded_offset */
SEC("tc") int bad_index(struct __sk_buff *c) { return unbounded(3); }

GLOBAL int checked(struct pair *p) { return p ? p->a : 0; }
SEC("tc") int good_null(struct __sk_buff *c) {
    struct pair p = {c->len, 1};
    return checked(&p);
}
GLOBAL int unchecked(struct pair *p) { return p->a; } /* refused: null_dereference */
SEC("tc") int bad_null(struct __sk_buff *c) {
    struct pair p = {c->len, 1};
    return unchecked(&p);
}

SEC("tc") int good_bytes(struct __sk_buff *c) { return checked((struct pair *)table); }
GLOBAL int beyond(struct pair *p) { return p ? ((u32 *)p)[2] : 0; } /* refused: memory_out_of_bounds */
SEC("tc") int bad_bytes(struct __sk_buff *c) { return beyond((struct pair *)table); }

GLOBAL int present(struct pair *p ARG(nonnull)) { return p->b; }
SEC("tc") int good_present(struct __sk_buff *c) {
    u32 key = 1;
    struct pair *p = map_lookup_elem(&pairs, &key);
    return checked(p) + (p ? present(p) : 0);
}
SEC("tc") int bad_present(struct __sk_buff *c) {
    u32 key = c->len;
    return present(map_lookup_elem(&pairs, &key)); /* refused: function_argument */
}

SEC("tc") int good_size(struct __sk_buff *c) { return present((void *)&table[6]); }
SEC("tc") int bad_size(struct __sk_buff *c) {
    return present((void *)&table[7]); /* refused: function_argument */
}

static const struct pair fixed = {1, 2};
SEC("tc") int good_written(struct __sk_buff *c) { return checked((struct pair *)table); }
SEC("tc") int bad_written(struct __sk_buff *c) {
    const struct pair *p = &fixed;
    HIDE(p);
    return checked((struct pair *)p); /* refused: function_argument */
}

GLOBAL int length(struct __sk_buff *c) { return c->len; }
GLOBAL int tagged(void *c ARG(ctx)) { return ((struct __sk_buff *)c)->len; }
SEC("tc") int good_context(struct __sk_buff *c) { return length(c) + tagged(c); }
SEC("tc") int bad_context(struct __sk_buff *c) {
    struct pair p = {};
    return tagged(&p); /* refused: function_argument */
}

SEC("tc") int good_number(struct __sk_buff *c) { return bounded((long)c->len); }
SEC("tc") int bad_number(struct __sk_buff *c) {
    return bounded((long)c); /* refused: function_argument */
}

GLOBAL int zero(u32 i) { HIDE(i); return i & 0; }
SEC("tc") int good_result(struct __sk_buff *c) { return table[zero(1) & 7]; }
GLOBAL int three(u32 i) { HIDE(i); i = 3; HIDE(i); return i; }
SEC("tc") int bad_result(struct __sk_buff *c) {
    u32 i = three(1);
    return table[i]; /* refused: unbounded_offset */
}

GLOBAL int set(u32 *out ARG(nonnull)) { *out = 3; return 0; }
SEC("tc") int good_out(struct __sk_buff *c) {
    u32 i = 0;
    set(&i);
    return table[i & 7];
}
SEC("tc") int bad_out(struct __sk_buff *c) {
    u32 i = 0;
    set(&i);
    return table[i]; /* refused: unbounded_offset */
}

GLOBAL int pull(struct __sk_buff *c) { return skb_pull_data(c, 8); }
SEC("tc") int good_packet(struct __sk_buff *c) {
    u8 *data = DATA(c);
    if (data + 1 > (u8 *)DATA_END(c)) { return length(c); }
    u32 before = length(c);
    return data[0] + before;
}
SEC("tc") int bad_packet(struct __sk_buff *c) {
    u8 *data = DATA(c);
    if (data + 1 > (u8 *)DATA_END(c)) { return 0; }
    u32 before = pull(c);
    return data[0] + before; /* refused: stale_packet */
}

NOINLINE void nothing(u32 *n) { HIDE(n); *n = 1; }
SEC("tc") int good_nothing(struct __sk_buff *c) { nothing(table); return 0; }
GLOBAL void no_result(u32 *n) { HIDE(n); if (n) { *n = 1; } }
SEC("tc") int bad_nothing(struct __sk_buff *c) {
    no_result(table); /* refused: global_unsupported */
    return 0;
}

GLOBAL int sized(void *p ARG(untrusted)) { return *(u8 *)p; }
SEC("tc") int good_sized(struct __sk_buff *c) { return sized((void *)(long)c->len); }
GLOBAL int unsized(void *p) { return p != 0; }
SEC("tc") int bad_sized(struct __sk_buff *c) {
    return unsized(c); /* refused: global_unsupported */
}

GLOBAL int give_back(u32 n) {
    u64 *record = ringbuf_reserve(&ring, 8, 0);
    if (record) { ringbuf_discard(record, 0); }
    return n;
}
SEC("tc") int good_record(struct __sk_buff *c) { return give_back(1); }
GLOBAL int keep(u32 n) {
    return ringbuf_reserve(&ring, 8, 0) ? n : 0; /* refused: reference_leak */
}
SEC("tc") int bad_record(struct __sk_buff *c) { return keep(1); }

static long back(u32 i, void *none) { return 0; }
SEC("tc") int good_back(struct __sk_buff *c) { return loop(4, back, 0, 0); }
GLOBAL long global_back(u32 i, u32 *none) { return 0; }
SEC("tc") int bad_back(struct __sk_buff *c) {
    return loop(4, global_back, 0, 0); /* refused: global_unsupported */
}

/* A function that is only called where no run comes is not judged; one that another calls is. */
static const volatile u32 never = 0;
SEC("tc") int good_chain(struct __sk_buff *c) { return never ? unbounded(c->mark) : 0; }
GLOBAL int inner(u32 i) { return table[i]; } /* refused: unbounded_offset */
GLOBAL int outer(u32 i) { return i > 7 ? 0 : inner(i); }
SEC("tc") int bad_chain(struct __sk_buff *c) { return outer(c->mark); }

struct user_pt_regs { u64 regs[31], sp, pc, pstate; }; /* the context of a probe by the name that arm64 gives it */
GLOBAL int registers(struct user_pt_regs *c) { return (int)c->regs[0]; }
SEC("kprobe") int good_registers(void *c) { return registers(c); }
SEC("kprobe") int bad_registers(void *c) {
    u64 none[34] = {};
    HIDE(c);
    return registers((void *)none); /* refused: function_argument */
}

struct task_struct { u64 flags; };
HELPER(struct task_struct *, get_current_task_btf, void);
GLOBAL int trusted(struct task_struct *t ARG(trusted)) { HIDE(t); return t != 0; }
SEC("kprobe") int good_trusted(void *c) { return trusted(get_current_task_btf()); }
SEC("kprobe") int bad_trusted(void *c) {
    return trusted(0); /* refused: function_argument */
}
GLOBAL int perhaps(struct task_struct *t ARG(trusted) ARG(nullable)) { return t ? t->flags & 1 : 0; }
SEC("kprobe") int good_perhaps(void *c) { return perhaps(0) + perhaps(get_current_task_btf()); }
struct file { u64 flags; };
GLOBAL int other(struct file *f ARG(trusted)) { HIDE(f); return f != 0; }
SEC("kprobe") int bad_perhaps(void *c) {
    return other((void *)get_current_task_btf()); /* refused: global_unsupported */
}

HELPER(long, dynptr_from_mem, void *, u32, u64, struct bpf_dynptr *);
HELPER(void *, dynptr_data, struct bpf_dynptr *, u32, u32);
GLOBAL int looked(struct bpf_dynptr *d) {
    u64 *at = dynptr_data(d, 0, 8);
    return at ? *at : 0;
}
SEC("tc") int good_dynptr(struct __sk_buff *c) {
    struct bpf_dynptr d;
    dynptr_from_mem(table, sizeof(table), 0, &d);
    return looked(&d);
}
GLOBAL int trusting(struct bpf_dynptr *d) { return *(u64 *)dynptr_data(d, 0, 8); } /* refused: null_dereference */
SEC("tc") int bad_dynptr(struct __sk_buff *c) {
    struct bpf_dynptr d;
    dynptr_from_mem(table, sizeof(table), 0, &d);
    return trusting(&d);
}

/* What takes the place of a function is judged as one that is global, for the type of program whose context it takes. */
SEC("freplace/verdict") int good_verdict(struct xdp_md *c, u32 i) { return xdp_adjust_head(c, (int)i); }
SEC("freplace/verdict") int bad_verdict(struct __sk_buff *c, u32 i) {
    return xdp_adjust_head((void *)c, (int)i); /* refused: unknown_helper */
}
SEC("freplace") int good_slot(u32 i) { return i > 7 ? 0 : table[i]; }
SEC("freplace") int bad_slot(u32 i) {
    return table[i]; /* refused: unbounded_offset */
}
SEC("freplace") int good_first(struct pair *p) { return p ? p->a : 0; }
SEC("freplace") int bad_first(struct pair *p) {
    return p->a; /* refused: null_dereference */
}
