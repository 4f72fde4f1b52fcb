/* XDP and classifiers: direct access to the packet. */
#include "program.h"

struct ethernet { u8 to[6], from[6]; u16 protocol; };
struct ipv4 { u8 version_words, service; u16 size, id, fragment; u8 ttl, protocol; u16 sum; u32 from, to; };
struct ports { u16 from, to; };

MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, u32, u64, 256);
MAP(flows, BPF_MAP_TYPE_LRU_HASH, u64, u64, 1024);
MAP(ports, BPF_MAP_TYPE_DEVMAP, u32, u32, 64);
MAP(programs, BPF_MAP_TYPE_PROG_ARRAY, u32, u32, 8);

INLINE void count(u32 index) {
    u64 *counter = map_lookup_elem(&counters, &index);
    if (counter) { *counter += 1; }
}

SEC("xdp") int good_ethernet(struct xdp_md *c) {
    struct ethernet *e = DATA(c);
    if ((void *)(e + 1) > DATA_END(c)) { return XDP_DROP; }
    count(e->to[5]);
    return XDP_PASS;
}

SEC("xdp") int bad_ethernet(struct xdp_md *c) {
    struct ethernet *e = DATA(c);
    if ((void *)e + 13 > DATA_END(c)) { return XDP_DROP; }
    return e->protocol; /* refused: packet_out_of_bounds */
}

INLINE struct ports *transport(struct xdp_md *c, u32 unchecked) {
    struct ethernet *e = DATA(c);
    struct ipv4 *ip = (void *)(e + 1);
    if ((void *)(ip + 1) > DATA_END(c) || e->protocol != 8) { return 0; }
    struct ports *p = (void *)ip + (ip->version_words & 15) * 4;
    return unchecked || (void *)(p + 1) <= DATA_END(c) ? p : 0;
}

SEC("xdp") int good_ports(struct xdp_md *c) {
    struct ports *p = transport(c, 0);
    return p && p->to == 80 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int bad_ports(struct xdp_md *c) {
    struct ports *p = transport(c, 1);
    return p && *(volatile u16 *)&p->to == 80 ? XDP_DROP : XDP_PASS; /* refused: packet_out_of_bounds */
}

SEC("xdp") int good_adjust(struct xdp_md *c) {
    if (xdp_adjust_head(c, -4)) { return XDP_ABORTED; }
    u8 *first = DATA(c);
    if (first + 4 > (u8 *)DATA_END(c)) { return XDP_DROP; }
    first[3] = 1;
    return XDP_TX;
}

SEC("xdp") int bad_adjust(struct xdp_md *c) {
    u8 *first = DATA(c);
    if (first + 4 > (u8 *)DATA_END(c)) { return XDP_DROP; }
    if (xdp_adjust_head(c, -4)) { return XDP_ABORTED; }
    first[3] = 1; /* refused: stale_packet */
    return XDP_TX;
}

SEC("xdp") int good_meta(struct xdp_md *c) {
    if (xdp_adjust_meta(c, -4)) { return XDP_ABORTED; }
    u32 *meta = (void *)(long)c->data_meta;
    if ((void *)(meta + 1) > DATA(c)) { return XDP_ABORTED; }
    *meta = 7;
    return XDP_PASS;
}

SEC("xdp") int bad_meta(struct xdp_md *c) {
    if (xdp_adjust_meta(c, -4)) { return XDP_ABORTED; }
    u32 *meta = (void *)(long)c->data_meta;
    if ((void *)(meta + 1) > DATA_END(c)) { return XDP_ABORTED; }
    *meta = 7; /* refused: packet_out_of_bounds */
    return XDP_PASS;
}

SEC("xdp") int good_redirect(struct xdp_md *c) { return redirect_map(&ports, c->rx_queue_index & 63, XDP_DROP); }
SEC("xdp") int bad_redirect(struct xdp_md *c) {
    return redirect_map(&flows, c->rx_queue_index & 63, XDP_DROP); /* refused: helper_argument */
}

SEC("xdp") int good_options(struct xdp_md *c) {
    u8 *at = DATA(c), *end = DATA_END(c);
    u32 found = 0;
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < 40; i++) {
        if (at + 1 > end) { break; }
        found += *at == 8;
        at++;
    }
    return found ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int bad_options(struct xdp_md *c) {
    u8 *at = DATA(c), *end = DATA_END(c);
    u32 found = 0;
    while (found != 3) {
        found = at + 1 <= end && *(volatile u8 *)at == 8; /* refused: unbounded_loop */
    }
    return XDP_PASS;
}

SEC("tc") int good_tail_call(struct __sk_buff *c) {
    tail_call(c, &programs, c->protocol & 7);
    return 0;
}
SEC("tc") int bad_tail_call(struct __sk_buff *c) {
    tail_call(c, &flows, c->protocol & 7); /* refused: helper_argument */
    return 0;
}

SEC("classifier/ingress") int good_mark(struct __sk_buff *c) {
    u64 key = c->hash, now = ktime_get_ns();
    c->mark = key & 0xffff;
    c->cb[0] = 1;
    map_update_elem(&flows, &key, &now, BPF_ANY);
    return 0;
}
SEC("classifier/ingress") int bad_mark(struct __sk_buff *c) {
    c->len = 3; /* refused: context_read_only */
    return 0;
}

SEC("tc") int good_rewrite(struct __sk_buff *c) {
    u16 port = 53;
    if (skb_store_bytes(c, 36, &port, sizeof(port), 0)) { return 2; }
    u8 *first = DATA(c);
    return first + 1 <= (u8 *)DATA_END(c) ? *first & 1 : 2;
}
SEC("tc") int bad_rewrite(struct __sk_buff *c) {
    u16 port = 53;
    u8 *first = DATA(c);
    if (first + 1 > (u8 *)DATA_END(c)) { return 2; }
    if (skb_store_bytes(c, 36, &port, sizeof(port), 0)) { return 2; }
    return *(volatile u8 *)first & 1; /* refused: stale_packet */
}

SEC("action") int good_checksum(struct __sk_buff *c) {
    u32 words[4] = {c->mark, c->len, c->hash, 0};
    return csum_diff(0, 0, words, sizeof(words), 0) & 1;
}
SEC("action") int bad_checksum(struct __sk_buff *c) {
    u32 words[4] = {c->mark, c->len, c->hash, 0};
    return csum_diff(0, 4, words, sizeof(words), 0) & 1; /* refused: helper_argument */
}

u64 load_byte(void *packet, u64 at) asm("llvm.bpf.load.byte");
static u32 first_byte;

NOINLINE int look(struct __sk_buff *c) { return first_byte = load_byte(c, 0); }
SEC("socket") int good_legacy(struct __sk_buff *c) { return look(c); }
NOINLINE void note(struct __sk_buff *c) { first_byte = load_byte(c, 0); } /* refused: legacy_load_no_int */
SEC("socket") int bad_legacy(struct __sk_buff *c) {
    note(c);
    return first_byte;
}

SEC("xdp/devmap") int good_egress(struct xdp_md *c) { return c->egress_ifindex == 1 ? XDP_DROP : XDP_PASS; }
SEC("xdp") int bad_egress(struct xdp_md *c) {
    return c->egress_ifindex == 1 ? XDP_DROP : XDP_PASS; /* refused: context_bad_access */
}
