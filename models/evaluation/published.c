/* Programs of the same function as those of the published comparisons (XDP samples, tracepoints, a load balancer), written anew for this board's hooks and helpers. */
#include "network.h"

MAP(redirect_errors, BPF_MAP_TYPE_PERCPU_ARRAY, 2, uint32_t, uint64_t);
MAP(exceptions, BPF_MAP_TYPE_PERCPU_ARRAY, 6, uint32_t, uint64_t);

struct datarec {
    uint64_t processed;
    uint64_t dropped;
    uint64_t info;
    uint64_t err;
};
MAP(devmap_counts, BPF_MAP_TYPE_PERCPU_ARRAY, 1, uint32_t, struct datarec);
MAP(cpumap_enqueues, BPF_MAP_TYPE_PERCPU_ARRAY, 64, uint32_t, struct datarec);
MAP(cpumap_threads, BPF_MAP_TYPE_PERCPU_ARRAY, 1, uint32_t, struct datarec);

/* What a tracepoint's record holds, as a map that the driver fills. */
struct record {
    uint64_t common;
    int32_t prog_id;
    uint32_t act;
    int32_t ifindex;
    int32_t err;
    int32_t to_ifindex;
    uint32_t map_id;
    int32_t drops;
    int32_t sent;
    uint32_t processed;
    uint32_t cpu;
    int32_t to_cpu;
    int32_t sched;
};
MAP(records, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct record);

static __always_inline struct record *current(void) {
    uint32_t key = 0;
    return bpf_map_lookup_elem(&records, &key);
}

SEC("timer/xdp_exception")
uint64_t xdp_exception(struct timer_context *ctx) {
    struct record *r = current();
    if (!r) { return 1; }
    uint32_t key = r->act;
    if (key > 4) { key = 5; }
    uint64_t *cnt = bpf_map_lookup_elem(&exceptions, &key);
    if (!cnt) { return 1; }
    *cnt += 1;
    return 0;
}

SEC("timer/xdp_redirect_err")
uint64_t xdp_redirect_err(struct timer_context *ctx) {
    struct record *r = current();
    if (!r) { return 1; }
    uint32_t key = 0;
    if (r->err) { key = 1; }
    uint64_t *cnt = bpf_map_lookup_elem(&redirect_errors, &key);
    if (!cnt) { return 1; }
    *cnt += 1;
    return 0;
}

SEC("timer/xdp_devmap_xmit")
uint64_t xdp_devmap_xmit(struct timer_context *ctx) {
    struct record *r = current();
    if (!r) { return 0; }
    uint32_t key = 0;
    struct datarec *rec = bpf_map_lookup_elem(&devmap_counts, &key);
    if (!rec) { return 0; }
    rec->processed += r->sent;
    rec->dropped += r->drops;
    rec->info += 1;
    if (r->err) { rec->err++; }
    if (r->drops < 0) { rec->err++; }
    return 1;
}

SEC("timer/xdp_cpumap_kthread")
uint64_t xdp_cpumap_kthread(struct timer_context *ctx) {
    struct record *r = current();
    if (!r) { return 0; }
    uint32_t key = 0;
    struct datarec *rec = bpf_map_lookup_elem(&cpumap_threads, &key);
    if (!rec) { return 0; }
    rec->processed += r->processed;
    rec->dropped += r->drops;
    if (r->sched) { rec->info++; }
    return 0;
}

SEC("timer/xdp_cpumap_enqueue")
uint64_t xdp_cpumap_enqueue(struct timer_context *ctx) {
    struct record *r = current();
    if (!r) { return 1; }
    uint32_t to_cpu = r->to_cpu;
    if (to_cpu >= 64) { return 1; }
    struct datarec *rec = bpf_map_lookup_elem(&cpumap_enqueues, &to_cpu);
    if (!rec) { return 0; }
    rec->processed += r->processed;
    rec->dropped += r->drops;
    if (r->processed > 0) { rec->info += 1; }
    return 0;
}

MAP(enter_open_map, BPF_MAP_TYPE_ARRAY, 1, uint32_t, uint32_t);

SEC("timer/sys_enter_open")
uint64_t sys_enter_open(struct timer_context *ctx) {
    uint32_t key = 0;
    uint32_t init_val = 1;
    uint32_t *value = bpf_map_lookup_elem(&enter_open_map, &key);
    if (value) {
        *value += 1;
    } else {
        bpf_map_update_elem(&enter_open_map, &key, &init_val, BPF_NOEXIST);
    }
    return 0;
}

MAP(protocol_bytes, BPF_MAP_TYPE_ARRAY, 256, uint32_t, uint64_t);

SEC("packet/socket_0")
uint64_t socket_0(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    struct iphdr *iph = (void *)(eth + 1);
    if ((uint8_t *)(iph + 1) > data_end) { return 0; }
    uint32_t index = iph->protocol;
    if (ctx->port != 0) { return 0; }
    uint64_t *value = bpf_map_lookup_elem(&protocol_bytes, &index);
    if (value) { __sync_fetch_and_add(value, ctx->len); }
    return 0;
}

struct pair {
    uint64_t packets;
    uint64_t bytes;
};
MAP(hosts, BPF_MAP_TYPE_HASH, 1024, uint32_t, struct pair);

SEC("packet/socket_1")
uint64_t socket_1(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    struct iphdr *iph = (void *)(eth + 1);
    if ((uint8_t *)(iph + 1) > data_end) { return 0; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return 0; }
    uint32_t ip = iph->daddr;
    struct pair *value = bpf_map_lookup_elem(&hosts, &ip);
    if (value) {
        __sync_fetch_and_add(&value->packets, 1);
        __sync_fetch_and_add(&value->bytes, ctx->len);
    } else {
        struct pair val = {1, ctx->len};
        bpf_map_update_elem(&hosts, &ip, &val, BPF_ANY);
    }
    return 0;
}

MAP(rxcnt, BPF_MAP_TYPE_PERCPU_ARRAY, 256, uint32_t, uint64_t);

static __always_inline int parse_ipv4(uint8_t *data, uint64_t nh_off, uint8_t *data_end) {
    struct iphdr *iph = (void *)(data + nh_off);
    if ((uint8_t *)(iph + 1) > data_end) { return 0; }
    return iph->protocol;
}

static __always_inline int parse_ipv6(uint8_t *data, uint64_t nh_off, uint8_t *data_end) {
    struct ipv6hdr *ip6h = (void *)(data + nh_off);
    if ((uint8_t *)(ip6h + 1) > data_end) { return 0; }
    return ip6h->nexthdr;
}

static __always_inline uint32_t protocol_of(uint8_t *data, uint8_t *data_end, int *ok) {
    struct ethhdr *eth = (void *)data;
    uint64_t nh_off = sizeof(*eth);
    *ok = 0;
    if (data + nh_off > data_end) { return 0; }
    uint16_t h_proto = eth->h_proto;
    if (h_proto == bpf_htons(ETH_P_8021Q) || h_proto == bpf_htons(ETH_P_8021AD)) {
        struct vlan_hdr *vhdr = (void *)(data + nh_off);
        nh_off += sizeof(struct vlan_hdr);
        if (data + nh_off > data_end) { return 0; }
        h_proto = vhdr->h_vlan_encapsulated_proto;
    }
    if (h_proto == bpf_htons(ETH_P_8021Q) || h_proto == bpf_htons(ETH_P_8021AD)) {
        struct vlan_hdr *vhdr = (void *)(data + nh_off);
        nh_off += sizeof(struct vlan_hdr);
        if (data + nh_off > data_end) { return 0; }
        h_proto = vhdr->h_vlan_encapsulated_proto;
    }
    *ok = 1;
    if (h_proto == bpf_htons(ETH_P_IP)) { return parse_ipv4(data, nh_off, data_end); }
    if (h_proto == bpf_htons(ETH_P_IPV6)) { return parse_ipv6(data, nh_off, data_end); }
    return 0;
}

SEC("packet/xdp1")
uint64_t xdp1(struct packet_context *ctx) {
    int ok;
    uint32_t ipproto = protocol_of(ctx->data, ctx->data_end, &ok);
    if (!ok) { return PACKET_DROP; }
    uint64_t *value = bpf_map_lookup_elem(&rxcnt, &ipproto);
    if (value) { *value += 1; }
    return PACKET_DROP;
}

static __always_inline void swap_src_dst_mac(uint8_t *data) {
    uint16_t *p = (void *)data;
    uint16_t dst[3];
    dst[0] = p[0];
    dst[1] = p[1];
    dst[2] = p[2];
    p[0] = p[3];
    p[1] = p[4];
    p[2] = p[5];
    p[3] = dst[0];
    p[4] = dst[1];
    p[5] = dst[2];
}

SEC("packet/xdp2")
uint64_t xdp2(struct packet_context *ctx) {
    int ok;
    uint64_t rc = PACKET_DROP;
    uint8_t *data = ctx->data;
    uint32_t ipproto = protocol_of(data, ctx->data_end, &ok);
    if (!ok) { return rc; }
    uint64_t *value = bpf_map_lookup_elem(&rxcnt, &ipproto);
    if (value) { *value += 1; }
    if (ipproto == IPPROTO_UDP) {
        swap_src_dst_mac(data);
        rc = PACKET_TRANSMIT;
    }
    return rc;
}

struct route_key {
    uint8_t family;
    uint8_t protocol;
    uint16_t total;
    uint32_t addresses[8];
    uint16_t source;
    uint16_t dest;
};
struct route {
    uint8_t smac[6];
    uint8_t dmac[6];
    uint32_t ifindex;
};
MAP(fib, BPF_MAP_TYPE_HASH, 128, struct route_key, struct route);

static __always_inline uint32_t ip_decrease_ttl(struct iphdr *iph) {
    uint32_t check = iph->check;
    check += bpf_htons(0x0100);
    iph->check = (uint16_t)(check + (check >= 0xFFFF));
    return --iph->ttl;
}

SEC("packet/xdp_fwd")
uint64_t xdp_fwd(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    struct iphdr *iph = (void *)(eth + 1);
    struct ipv6hdr *ip6h = (void *)(eth + 1);
    struct route_key key = {};
    if ((uint8_t *)(eth + 1) > data_end) { return PACKET_DROP; }
    uint16_t h_proto = eth->h_proto;
    if (h_proto == bpf_htons(ETH_P_IP)) {
        if ((uint8_t *)(iph + 1) > data_end) { return PACKET_DROP; }
        if (iph->ttl <= 1) { return PACKET_PASS; }
        key.family = 2;
        key.protocol = iph->protocol;
        key.total = bpf_ntohs(iph->tot_len);
        key.addresses[0] = iph->saddr;
        key.addresses[4] = iph->daddr;
    } else if (h_proto == bpf_htons(ETH_P_IPV6)) {
        if ((uint8_t *)(ip6h + 1) > data_end) { return PACKET_DROP; }
        if (ip6h->hop_limit <= 1) { return PACKET_PASS; }
        key.family = 10;
        key.protocol = ip6h->nexthdr;
        key.total = bpf_ntohs(ip6h->payload_len);
        for (int i = 0; i < 4; i++) { key.addresses[i] = ip6h->saddr[i]; }
        for (int i = 0; i < 4; i++) { key.addresses[4 + i] = ip6h->daddr[i]; }
    } else {
        return PACKET_PASS;
    }
    struct route *found = bpf_map_lookup_elem(&fib, &key);
    if (!found) { return PACKET_PASS; }
    if (h_proto == bpf_htons(ETH_P_IP)) {
        ip_decrease_ttl(iph);
    } else {
        ip6h->hop_limit--;
    }
    __builtin_memcpy(eth->h_dest, found->dmac, 6);
    __builtin_memcpy(eth->h_source, found->smac, 6);
    return PACKET_TRANSMIT;
}

MAP(packet_counter, BPF_MAP_TYPE_PERCPU_ARRAY, 1, uint32_t, uint64_t);
MAP(control, BPF_MAP_TYPE_ARRAY, 2, uint32_t, uint32_t);

SEC("packet/xdp_pktcntr")
uint64_t xdp_pktcntr(struct packet_context *ctx) {
    uint32_t ctl_flag_pos = 0;
    uint32_t cntr_pos = 0;
    uint32_t *flag = bpf_map_lookup_elem(&control, &ctl_flag_pos);
    if (!flag || *flag == 0) { return PACKET_PASS; }
    uint64_t *cntr_val = bpf_map_lookup_elem(&packet_counter, &cntr_pos);
    if (cntr_val) { *cntr_val += 1; }
    return PACKET_PASS;
}

struct arp_entry {
    uint8_t mac[6];
    uint16_t pad;
    uint32_t ifindex;
};
struct direct {
    uint8_t mac[6];
    uint8_t source[6];
    uint32_t ifindex;
};
MAP(arp_table, BPF_MAP_TYPE_HASH, 50, uint32_t, struct arp_entry);
MAP(exact_match, BPF_MAP_TYPE_HASH, 50, uint32_t, struct direct);
MAP(tx_port_count, BPF_MAP_TYPE_PERCPU_ARRAY, 256, uint32_t, uint64_t);

SEC("packet/xdp_router_ipv4")
uint64_t xdp_router_ipv4(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    uint64_t nh_off = sizeof(*eth);
    if (data + nh_off > data_end) { return PACKET_DROP; }
    uint16_t h_proto = eth->h_proto;
    if (h_proto == bpf_htons(ETH_P_8021Q) || h_proto == bpf_htons(ETH_P_8021AD)) {
        struct vlan_hdr *vhdr = (void *)(data + nh_off);
        nh_off += sizeof(struct vlan_hdr);
        if (data + nh_off > data_end) { return PACKET_DROP; }
        h_proto = vhdr->h_vlan_encapsulated_proto;
    }
    uint32_t key = 0;
    if (h_proto == bpf_htons(ETH_P_ARP)) {
        key = 1;
    } else if (h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr *iph = (void *)(data + nh_off);
        if ((uint8_t *)(iph + 1) > data_end) { return PACKET_DROP; }
        uint32_t daddr = iph->daddr;
        struct direct *direct_entry = bpf_map_lookup_elem(&exact_match, &daddr);
        uint8_t source[6];
        uint8_t dest[6];
        if (direct_entry) {
            for (int i = 0; i < 6; i++) { source[i] = direct_entry->source[i]; }
            for (int i = 0; i < 6; i++) { dest[i] = direct_entry->mac[i]; }
        } else {
            struct arp_entry *next = bpf_map_lookup_elem(&arp_table, &daddr);
            if (!next) { return PACKET_PASS; }
            for (int i = 0; i < 6; i++) { source[i] = eth->h_dest[i]; }
            for (int i = 0; i < 6; i++) { dest[i] = next->mac[i]; }
        }
        for (int i = 0; i < 6; i++) { eth->h_source[i] = source[i]; }
        for (int i = 0; i < 6; i++) { eth->h_dest[i] = dest[i]; }
        key = 2;
    }
    uint64_t *value = bpf_map_lookup_elem(&tx_port_count, &key);
    if (value) { *value += 1; }
    return key == 2 ? PACKET_TRANSMIT : PACKET_PASS;
}

MAP(tx_port, BPF_MAP_TYPE_ARRAY, 1, uint32_t, int32_t);

SEC("packet/xdp_redirect")
uint64_t xdp_redirect(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    uint32_t key = 0;
    uint64_t nh_off = sizeof(*eth);
    if (data + nh_off > data_end) { return PACKET_DROP; }
    int32_t *ifindex = bpf_map_lookup_elem(&tx_port, &key);
    if (!ifindex) { return PACKET_DROP; }
    uint64_t *value = bpf_map_lookup_elem(&packet_counter, &key);
    if (value) { *value += 1; }
    swap_src_dst_mac(data);
    return *ifindex == 1 ? PACKET_TRANSMIT : PACKET_PASS;
}

struct flow_ctx_table_key {
    uint16_t ip_proto;
    uint16_t l4_src;
    uint16_t l4_dst;
    uint32_t ip_src;
    uint32_t ip_dst;
};
struct flow_ctx_table_leaf {
    uint8_t out_port;
    uint16_t in_port;
};
MAP(flow_ctx_table, BPF_MAP_TYPE_HASH, 1024, struct flow_ctx_table_key, struct flow_ctx_table_leaf);

SEC("packet/xdp_fw")
uint64_t xdp_fw(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct flow_ctx_table_key flow_key = {0};
    struct flow_ctx_table_leaf new_flow = {0};
    struct ethhdr *ethernet = (void *)data;
    if ((uint8_t *)(ethernet + 1) > data_end) { return PACKET_DROP; }
    if (ethernet->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_DROP; }
    struct iphdr *ip = (void *)(ethernet + 1);
    if ((uint8_t *)(ip + 1) > data_end) { return PACKET_DROP; }
    uint32_t ingress = ctx->port;
    if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) { return PACKET_DROP; }
    struct udphdr *l4 = (void *)(ip + 1);
    if ((uint8_t *)(l4 + 1) > data_end) { return PACKET_DROP; }
    flow_key.ip_proto = ip->protocol;
    flow_key.ip_src = ip->saddr;
    flow_key.ip_dst = ip->daddr;
    flow_key.l4_src = l4->source;
    flow_key.l4_dst = l4->dest;
    if (ip->saddr > ip->daddr) {
        flow_key.ip_src = ip->daddr;
        flow_key.ip_dst = ip->saddr;
        flow_key.l4_src = l4->dest;
        flow_key.l4_dst = l4->source;
    }
    struct flow_ctx_table_leaf *leaf = bpf_map_lookup_elem(&flow_ctx_table, &flow_key);
    if (ingress == 1) {
        if (!leaf) {
            new_flow.in_port = 1;
            new_flow.out_port = 2;
            bpf_map_update_elem(&flow_ctx_table, &flow_key, &new_flow, BPF_ANY);
        }
        return PACKET_TRANSMIT;
    }
    if (leaf) { return leaf->out_port == 2 ? PACKET_TRANSMIT : PACKET_PASS; }
    return PACKET_DROP;
}

MAP(dest_port_stats, BPF_MAP_TYPE_HASH, 256, uint32_t, uint64_t);

SEC("packet/xdp_map_access")
uint64_t xdp_map_access(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    uint32_t nh_off = sizeof(struct ethhdr);
    if (data + nh_off > data_end) { return PACKET_DROP; }
    struct ethhdr *eth = (void *)data;
    uint32_t key = eth->h_source[0] + eth->h_source[1] * 2;
    uint64_t *seen = bpf_map_lookup_elem(&dest_port_stats, &key);
    uint64_t one = 1;
    if (seen) {
        *seen += 1;
    } else {
        bpf_map_update_elem(&dest_port_stats, &key, &one, BPF_ANY);
    }
    return PACKET_PASS;
}

struct lxc_info {
    uint32_t ifindex;
    uint16_t seclabel;
    uint16_t lxc_id;
    uint32_t flags;
    uint8_t mac[6];
    uint8_t node_mac[6];
};
MAP(endpoints, BPF_MAP_TYPE_HASH, 256, uint32_t, struct lxc_info);

SEC("packet/from_network")
uint64_t from_network(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    if ((uint8_t *)(eth + 1) > data_end) { return PACKET_DROP; }
    uint32_t mark = ctx->port ? 0xe00 : 0xd00;
    uint16_t proto = eth->h_proto;
    if (proto != bpf_htons(ETH_P_IP)) { return proto == bpf_htons(ETH_P_ARP) ? PACKET_PASS : PACKET_DROP; }
    struct iphdr *ip4 = (void *)(eth + 1);
    if ((uint8_t *)(ip4 + 1) > data_end) { return PACKET_DROP; }
    uint32_t key = ip4->daddr;
    struct lxc_info *info = bpf_map_lookup_elem(&endpoints, &key);
    if (!info) { return PACKET_PASS; }
    if (info->flags & 1) { return PACKET_PASS; }
    mark |= info->seclabel;
    return mark & 0x800 ? PACKET_TRANSMIT : PACKET_PASS;
}

struct lb4_key {
    uint32_t address;
    uint16_t dport;
    uint16_t backend_slot;
    uint8_t proto;
    uint8_t scope;
    uint8_t pad[2];
};
struct lb4_service {
    uint32_t backend_id;
    uint16_t count;
    uint16_t rev_nat_index;
    uint8_t flags;
    uint8_t flags2;
    uint8_t pad[2];
};
struct lb4_reverse {
    uint64_t cookie;
    uint32_t address;
    uint16_t port;
    uint16_t rev_nat_index;
};
MAP(lb4_services, BPF_MAP_TYPE_HASH, 256, struct lb4_key, struct lb4_service);
MAP(lb4_reverse_nat, BPF_MAP_TYPE_HASH, 256, struct lb4_reverse, struct lb4_key);

/* Rewrites a reply's source to the service that it came through. */
SEC("packet/recvmsg4")
uint64_t recvmsg4(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct iphdr *ip = (void *)(data + sizeof(struct ethhdr));
    struct udphdr *udp = (void *)(ip + 1);
    if ((uint8_t *)(udp + 1) > data_end) { return PACKET_PASS; }
    if (ip->protocol != IPPROTO_UDP) { return PACKET_PASS; }
    struct lb4_reverse key = {
        .cookie = (uint64_t)ip->daddr << 16 | udp->dest,
        .address = ip->saddr,
        .port = udp->source,
    };
    struct lb4_key *orig = bpf_map_lookup_elem(&lb4_reverse_nat, &key);
    if (!orig) { return PACKET_PASS; }
    struct lb4_key svc_key = {
        .address = orig->address,
        .dport = orig->dport,
        .proto = IPPROTO_UDP,
    };
    struct lb4_service *svc = bpf_map_lookup_elem(&lb4_services, &svc_key);
    if (!svc || svc->rev_nat_index != orig->backend_slot || svc->count == 0) { return PACKET_PASS; }
    ip->saddr = orig->address;
    udp->source = orig->dport;
    udp->check = 0;
    return PACKET_TRANSMIT;
}

#define JHASH_INITVAL 0xdeadbeef
static __always_inline uint32_t rol32(uint32_t word, unsigned int shift) {
    return (word << shift) | (word >> ((-shift) & 31));
}
#define __jhash_mix(a, b, c) \
    { \
        a -= c; a ^= rol32(c, 4); c += b; \
        b -= a; b ^= rol32(a, 6); a += c; \
        c -= b; c ^= rol32(b, 8); b += a; \
        a -= c; a ^= rol32(c, 16); c += b; \
        b -= a; b ^= rol32(a, 19); a += c; \
        c -= b; c ^= rol32(b, 4); b += a; \
    }
#define __jhash_final(a, b, c) \
    { \
        c ^= b; c -= rol32(b, 14); \
        a ^= c; a -= rol32(c, 11); \
        b ^= a; b -= rol32(a, 25); \
        c ^= b; c -= rol32(b, 16); \
        a ^= c; a -= rol32(c, 4); \
        b ^= a; b -= rol32(a, 14); \
        c ^= b; c -= rol32(b, 24); \
    }
static __always_inline uint32_t jhash_3words(uint32_t a, uint32_t b, uint32_t c, uint32_t initval) {
    a += initval;
    b += initval;
    c += initval;
    __jhash_final(a, b, c);
    return c;
}
static __always_inline uint32_t jhash_2words(uint32_t a, uint32_t b, uint32_t initval) {
    return jhash_3words(a, b, 0, initval + JHASH_INITVAL + (2 << 2));
}

struct vip_definition {
    uint32_t vip[4];
    uint16_t port;
    uint16_t family;
    uint8_t proto;
    uint8_t pad[3];
};
struct vip_meta {
    uint32_t flags;
    uint32_t vip_num;
};
struct real_definition {
    uint32_t dst[4];
    uint8_t flags;
    uint8_t mac[6];
    uint8_t pad;
};
MAP(vip_map, BPF_MAP_TYPE_HASH, 64, struct vip_definition, struct vip_meta);
MAP(ch_rings, BPF_MAP_TYPE_ARRAY, 4096, uint32_t, uint32_t);
MAP(reals, BPF_MAP_TYPE_ARRAY, 64, uint32_t, struct real_definition);
MAP(lb_stats, BPF_MAP_TYPE_PERCPU_ARRAY, 512, uint32_t, struct pair);

struct packet_description {
    uint32_t src[4];
    uint32_t dst[4];
    uint16_t port[2];
    uint8_t proto;
    uint8_t flags;
};

/* Consistent hashing of flows over real servers, for IPv4 and IPv6. */
SEC("packet/xdp_balancer")
uint64_t xdp_balancer(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    struct packet_description pckt = {};
    struct vip_definition vip = {};
    uint32_t bytes;
    uint64_t offset = sizeof(struct ethhdr);
    if (data + offset > data_end) { return PACKET_DROP; }
    int is_ipv6 = 0;
    if (eth->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr *iph = (void *)(data + offset);
        if ((uint8_t *)(iph + 1) > data_end) { return PACKET_DROP; }
        if (iph->ihl != 5) { return PACKET_DROP; }
        pckt.proto = iph->protocol;
        bytes = bpf_ntohs(iph->tot_len);
        offset += sizeof(struct iphdr);
        if (iph->frag_off & bpf_htons(0x3fff)) { return PACKET_DROP; }
        pckt.src[0] = iph->saddr;
        pckt.dst[0] = iph->daddr;
    } else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip6h = (void *)(data + offset);
        if ((uint8_t *)(ip6h + 1) > data_end) { return PACKET_DROP; }
        bytes = bpf_ntohs(ip6h->payload_len);
        offset += sizeof(struct ipv6hdr);
        pckt.proto = ip6h->nexthdr;
        if (pckt.proto == 44) { return PACKET_DROP; }
        __builtin_memcpy(pckt.src, ip6h->saddr, 16);
        __builtin_memcpy(pckt.dst, ip6h->daddr, 16);
        is_ipv6 = 1;
    } else {
        return PACKET_PASS;
    }
    if (pckt.proto == IPPROTO_TCP) {
        struct tcphdr *tcp = (void *)(data + offset);
        if ((uint8_t *)(tcp + 1) > data_end) { return PACKET_DROP; }
        if (tcp->syn) { pckt.flags |= 2; }
        pckt.port[0] = tcp->source;
        pckt.port[1] = tcp->dest;
    } else if (pckt.proto == IPPROTO_UDP) {
        struct udphdr *udp = (void *)(data + offset);
        if ((uint8_t *)(udp + 1) > data_end) { return PACKET_DROP; }
        pckt.port[0] = udp->source;
        pckt.port[1] = udp->dest;
    } else {
        return PACKET_PASS;
    }
    __builtin_memcpy(vip.vip, pckt.dst, 16);
    vip.port = pckt.port[1];
    vip.proto = pckt.proto;
    vip.family = is_ipv6 ? 10 : 2;
    struct vip_meta *vip_info = bpf_map_lookup_elem(&vip_map, &vip);
    if (!vip_info) {
        vip.port = 0;
        vip_info = bpf_map_lookup_elem(&vip_map, &vip);
        if (!vip_info) { return PACKET_PASS; }
        if (!(vip_info->flags & 1)) { pckt.port[1] = 0; }
    }
    uint32_t hash;
    if (is_ipv6) {
        uint32_t mixed = pckt.src[0];
        uint32_t b = JHASH_INITVAL + 16 + pckt.src[1];
        uint32_t c = JHASH_INITVAL + 16 + pckt.src[2];
        __jhash_mix(mixed, b, c);
        mixed += pckt.src[3];
        __jhash_final(mixed, b, c);
        hash = jhash_2words(c, (uint32_t)pckt.port[0] << 16 | pckt.port[1], 16);
    } else {
        hash = jhash_2words(pckt.src[0], (uint32_t)pckt.port[0] << 16 | pckt.port[1], 16);
    }
    uint32_t key = (vip_info->vip_num & 3) * 1021 + hash % 1021;
    uint32_t *real_pos = bpf_map_lookup_elem(&ch_rings, &key);
    if (!real_pos) { return PACKET_DROP; }
    key = *real_pos;
    struct real_definition *dst = bpf_map_lookup_elem(&reals, &key);
    if (!dst) { return PACKET_DROP; }
    uint32_t vip_num = vip_info->vip_num;
    struct pair *data_stats = bpf_map_lookup_elem(&lb_stats, &vip_num);
    if (!data_stats) { return PACKET_DROP; }
    data_stats->packets += 1;
    data_stats->bytes += bytes;
    __builtin_memcpy(eth->h_source, eth->h_dest, 6);
    __builtin_memcpy(eth->h_dest, dst->mac, 6);
    return PACKET_TRANSMIT;
}
