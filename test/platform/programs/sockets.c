/* Socket filters, cgroup hooks, socket lookups. */
#include "program.h"

struct value { struct bpf_spin_lock lock; u32 number; };
struct tuple { u32 from, to; u16 source, target; };
struct inner { UINT(type, BPF_MAP_TYPE_ARRAY); u32 *key; u64 *value; UINT(max_entries, 4); };

MAP(locked, BPF_MAP_TYPE_ARRAY, u32, struct value, 1);
MAP(socks, BPF_MAP_TYPE_SOCKMAP, u32, u32, 16);
MAP(counts, BPF_MAP_TYPE_ARRAY, u32, u64, 256);
MAP(group, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, u32, u64, 16);
struct { UINT(type, BPF_MAP_TYPE_SK_STORAGE); UINT(map_flags, BPF_F_NO_PREALLOC); int *key; u64 *value; } storage SEC(".maps");
struct { UINT(type, BPF_MAP_TYPE_CGROUP_STORAGE); struct bpf_cgroup_storage_key *key; u64 *value; } cgroups SEC(".maps");
struct { UINT(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); u32 *key; UINT(max_entries, 8); struct inner *values[]; } outer SEC(".maps");

u64 load_byte(void *, u64) __asm__("llvm.bpf.load.byte");
u64 load_half(void *, u64) __asm__("llvm.bpf.load.half");

SEC("socket") int good_legacy(struct __sk_buff *c) {
    u32 protocol = load_byte(c, 23);
    u64 *count = map_lookup_elem(&counts, &protocol);
    if (count) { __sync_fetch_and_add(count, c->len); }
    return load_half(c, 12) == 0x800;
}
SEC("socket") int bad_legacy(struct __sk_buff *c) {
    return *(volatile u8 *)DATA(c); /* refused: context_bad_access */
}

SEC("socket_filter") int good_bytes(struct __sk_buff *c) {
    u8 header[20];
    return skb_load_bytes(c, 14, header, sizeof(header)) ? 0 : header[9];
}
SEC("socket_filter") int bad_bytes(struct __sk_buff *c) {
    u8 header[20];
    return skb_load_bytes(c, 14, header, c->len) ? 0 : header[9]; /* refused: helper_memory */
}

SEC("cgroup_skb/ingress") int good_verdict(struct __sk_buff *c) {
    u8 *first = DATA(c);
    return first + 1 <= (u8 *)DATA_END(c) && (*first >> 4) == 4;
}
SEC("cgroup_skb/ingress") int bad_verdict(struct __sk_buff *c) {
    u8 *first = DATA(c);
    if (first + 1 > (u8 *)DATA_END(c)) { return 0; }
    *first = 1; /* refused: memory_read_only */
    return 1;
}

SEC("cgroup/skb") int good_return(struct __sk_buff *c) { return c->len > 64; }
SEC("cgroup/skb") int bad_return(struct __sk_buff *c) { return c->len; } /* refused: bad_exit_value */

SEC("cgroup/connect4") int good_connect(struct bpf_sock_addr *c) {
    if (c->user_port == 0x5000) {
        c->user_ip4 = 0x0100007f;
        c->user_port = 0x901f;
    }
    return 1;
}
SEC("cgroup/connect4") int bad_connect(struct bpf_sock_addr *c) {
    c->protocol = 6; /* refused: context_read_only */
    return 1;
}

SEC("cgroup/sock_create") int good_create(struct bpf_sock *c) {
    c->mark = c->family;
    return c->type != 3;
}
SEC("cgroup/sock_create") int bad_create(struct bpf_sock *c) {
    return *((volatile u32 *)c + 20) != 3; /* refused: context_out_of_bounds */
}

SEC("sockops") int good_established(struct bpf_sock_ops *c) {
    u32 key = c->local_port & 15;
    if (c->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) { sock_map_update(c, &socks, &key, BPF_ANY); }
    return 1;
}
SEC("sockops") int bad_established(struct bpf_sock_ops *c) {
    u64 key = c->local_port & 15;
    sock_map_update(c, &counts, &key, BPF_ANY); /* refused: helper_argument */
    return 1;
}

SEC("sk_msg") int good_message(struct sk_msg_md *c) {
    u8 *first = c->data;
    u32 key = first + 1 <= (u8 *)c->data_end ? *first & 15 : 0;
    return msg_redirect_map(c, &socks, key, 0);
}
SEC("sk_msg") int bad_message(struct sk_msg_md *c) {
    u8 *first = c->data;
    u32 key = first + 1 >= (u8 *)c->data_end ? *first & 15 : 0; /* refused: packet_out_of_bounds */
    return msg_redirect_map(c, &socks, key, 0);
}

SEC("tc") int good_lookup(struct __sk_buff *c) {
    struct tuple t = {1, 2, 3, 4};
    struct bpf_sock *sk = sk_lookup_tcp(c, &t, sizeof(t), -1, 0);
    if (!sk) { return 0; }
    u32 state = sk->state;
    sk_release(sk);
    return state == 10;
}
SEC("tc") int bad_lookup(struct __sk_buff *c) {
    struct tuple t = {1, 2, 3, 4};
    struct bpf_sock *sk = sk_lookup_tcp(c, &t, sizeof(t), -1, 0);
    if (!sk) { return 0; }
    sk_release(sk);
    return *(volatile u32 *)&sk->state == 10; /* refused: use_after_release */
}

SEC("tc") int good_tcp(struct __sk_buff *c) {
    struct bpf_sock *sk = c->sk;
    if (!sk) { return 0; }
    sk = sk_fullsock(sk);
    if (!sk) { return 0; }
    struct bpf_tcp_sock *tcp = tcp_sock(sk);
    return tcp ? tcp->snd_cwnd : 0;
}
SEC("tc") int bad_tcp(struct __sk_buff *c) {
    struct bpf_sock *sk = c->sk;
    if (!sk) { return 0; }
    return *(volatile u32 *)&sk->type; /* refused: context_bad_access */
}

SEC("tc") int good_lock(struct __sk_buff *c) {
    u32 zero = 0;
    struct value *v = map_lookup_elem(&locked, &zero);
    if (!v) { return 0; }
    spin_lock(&v->lock);
    v->number++;
    spin_unlock(&v->lock);
    return 0;
}
SEC("tc") int bad_lock(struct __sk_buff *c) {
    u32 zero = 0;
    struct value *v = map_lookup_elem(&locked, &zero);
    if (!v) { return 0; }
    spin_lock(&v->lock);
    v->number++;
    return 0;
} /* refused: reference_leak */

SEC("tc") int good_beside_lock(struct __sk_buff *c) {
    u32 zero = 0;
    struct value *v = map_lookup_elem(&locked, &zero);
    return v ? *(volatile u32 *)&v->number : 0;
}
SEC("tc") int bad_beside_lock(struct __sk_buff *c) {
    u32 zero = 0;
    struct value *v = map_lookup_elem(&locked, &zero);
    if (!v) { return 0; }
    return *(volatile u32 *)&v->lock; /* refused: kernel_field */
}

SEC("cgroup_skb/egress") int good_storage(struct __sk_buff *c) {
    u64 *bytes = get_local_storage(&cgroups, 0);
    *bytes += c->len;
    return 3;
}
SEC("cgroup_skb/egress") int bad_storage(struct __sk_buff *c) {
    u64 *bytes = get_local_storage(&cgroups, 0);
    return *(volatile u64 *)(bytes + 1) & 1; /* refused: map_value_out_of_bounds */
}

SEC("tc") int good_inner(struct __sk_buff *c) {
    u32 key = c->mark & 7;
    void *map = map_lookup_elem(&outer, &key);
    if (!map) { return 0; }
    u64 *value = map_lookup_elem(map, &key);
    return value ? *value : 0;
}
SEC("tc") int bad_inner(struct __sk_buff *c) {
    u32 key = c->mark & 7;
    u64 *value = map_lookup_elem(map_lookup_elem(&outer, &key), &key); /* refused: null_dereference */
    return value ? *value : 0;
}

SEC("sk_lookup") int good_choose(struct bpf_sk_lookup *c) { return c->local_port == 7 ? SK_DROP : SK_PASS; }
SEC("sk_lookup") int bad_choose(struct bpf_sk_lookup *c) { return c->local_port; } /* refused: bad_exit_value */

SEC("sk_reuseport") int good_reuse(struct sk_reuseport_md *c) {
    u32 key = c->hash & 15;
    return sk_select_reuseport(c, &group, &key, 0) ? SK_DROP : SK_PASS;
}
SEC("sk_reuseport") int bad_reuse(struct sk_reuseport_md *c) {
    u32 key = c->hash & 15;
    return sk_select_reuseport(c, &counts, &key, 0) ? SK_DROP : SK_PASS; /* refused: helper_argument */
}

SEC("cgroup/dev") int good_device(struct bpf_cgroup_dev_ctx *c) { return c->major == 1 && (c->access_type & 0xffff) == 2; }
SEC("cgroup/dev") int bad_device(struct bpf_cgroup_dev_ctx *c) {
    c->minor = 1; /* refused: context_read_only */
    return 1;
}

SEC("cgroup/sysctl") int good_name(struct bpf_sysctl *c) {
    char name[64] = {};
    return sysctl_get_name(c, name, sizeof(name), 0) > 0 && name[0] == 'n';
}
SEC("cgroup/sysctl") int bad_name(struct bpf_sysctl *c) {
    char name[64] = {};
    return sysctl_get_name(c, name, sizeof(name) + 1, 0) > 0 && name[0] == 'n'; /* refused: helper_memory */
}

SEC("cgroup/getsockopt") int good_option(struct bpf_sockopt *c) {
    u8 *value = c->optval;
    if (value + 1 > (u8 *)c->optval_end) { return 0; }
    value[0] = 1;
    c->retval = 0;
    return 1;
}
SEC("cgroup/getsockopt") int bad_option(struct bpf_sockopt *c) {
    u8 *value = c->optval;
    if (value + 1 > (u8 *)c->optval_end) { return 0; }
    value[1] = 1; /* refused: packet_out_of_bounds */
    return 1;
}

NOINLINE int parse(struct __sk_buff *c, u32 *out) {
    u8 *first = DATA(c);
    if (first + 8 > (u8 *)DATA_END(c)) { return -1; }
    *out = *(u32 *)(first + 4);
    return 0;
}
SEC("tc") int good_function(struct __sk_buff *c) {
    u32 word;
    return parse(c, &word) ? 0 : word;
}
NOINLINE int again(struct __sk_buff *c, u32 depth) {
    return depth == 0 ? c->len : again(c, depth - 1) + again(c, depth / 2); /* refused: recursion */
}
SEC("tc") int bad_function(struct __sk_buff *c) { return again(c, c->mark); }
