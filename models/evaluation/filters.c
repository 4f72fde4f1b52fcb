/* Packet programs in the style of public XDP and tc code: parsing, filtering, rewriting, sampling, accounting. */
#include "network.h"

struct counters {
    uint64_t packets;
    uint64_t bytes;
};

struct cursor {
    uint8_t *pos;
};

static __always_inline int parse_ethhdr(struct cursor *nh, uint8_t *data_end, struct ethhdr **ethhdr) {
    struct ethhdr *eth = (void *)nh->pos;
    if (nh->pos + sizeof(*eth) > data_end) { return -1; }
    nh->pos += sizeof(*eth);
    *ethhdr = eth;
    uint16_t proto = eth->h_proto;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD)) { break; }
        struct vlan_hdr *vlh = (void *)nh->pos;
        if (nh->pos + sizeof(*vlh) > data_end) { break; }
        proto = vlh->h_vlan_encapsulated_proto;
        nh->pos += sizeof(*vlh);
    }
    return proto;
}

static __always_inline int parse_iphdr(struct cursor *nh, uint8_t *data_end, struct iphdr **iphdr) {
    struct iphdr *iph = (void *)nh->pos;
    if ((uint8_t *)(iph + 1) > data_end) { return -1; }
    int hdrsize = iph->ihl * 4;
    if (hdrsize < (int)sizeof(*iph)) { return -1; }
    if (nh->pos + hdrsize > data_end) { return -1; }
    nh->pos += hdrsize;
    *iphdr = iph;
    return iph->protocol;
}

static __always_inline int parse_ip6hdr(struct cursor *nh, uint8_t *data_end, struct ipv6hdr **ip6hdr) {
    struct ipv6hdr *ip6h = (void *)nh->pos;
    if ((uint8_t *)(ip6h + 1) > data_end) { return -1; }
    nh->pos = (uint8_t *)(ip6h + 1);
    *ip6hdr = ip6h;
    return ip6h->nexthdr;
}

static __always_inline int parse_udphdr(struct cursor *nh, uint8_t *data_end, struct udphdr **udphdr) {
    struct udphdr *h = (void *)nh->pos;
    if ((uint8_t *)(h + 1) > data_end) { return -1; }
    nh->pos = (uint8_t *)(h + 1);
    *udphdr = h;
    int len = bpf_ntohs(h->len) - (int)sizeof(struct udphdr);
    return len < 0 ? -1 : len;
}

static __always_inline int parse_tcphdr(struct cursor *nh, uint8_t *data_end, struct tcphdr **tcphdr) {
    struct tcphdr *h = (void *)nh->pos;
    if ((uint8_t *)(h + 1) > data_end) { return -1; }
    int len = h->doff * 4;
    if (len < (int)sizeof(*h)) { return -1; }
    if (nh->pos + len > data_end) { return -1; }
    nh->pos += len;
    *tcphdr = h;
    return len;
}

MAP(stats, BPF_MAP_TYPE_PERCPU_ARRAY, 8, uint32_t, struct counters);

static __always_inline uint64_t record(struct packet_context *ctx, uint32_t action) {
    struct counters *rec = bpf_map_lookup_elem(&stats, &action);
    if (!rec) { return PACKET_ABORTED; }
    rec->packets++;
    rec->bytes += ctx->data_end - ctx->data;
    return action;
}

/* Drops odd ICMPv6 echo sequence numbers. */
SEC("packet/parse_icmp6")
uint64_t parse_icmp6(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct ipv6hdr *ip6;
    if (parse_ethhdr(&nh, end, &eth) != bpf_htons(ETH_P_IPV6)) { return record(ctx, PACKET_PASS); }
    if (parse_ip6hdr(&nh, end, &ip6) != IPPROTO_ICMPV6) { return record(ctx, PACKET_PASS); }
    struct icmphdr *icmp = (void *)nh.pos;
    if ((uint8_t *)(icmp + 1) > end) { return record(ctx, PACKET_PASS); }
    if (bpf_ntohs(icmp->sequence) % 2 == 0) { return record(ctx, PACKET_DROP); }
    return record(ctx, PACKET_PASS);
}

/* Lowers the destination port of UDP and TCP by one. */
SEC("packet/patch_ports")
uint64_t patch_ports(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    struct ipv6hdr *ip6;
    struct udphdr *udp;
    struct tcphdr *tcp;
    int proto;
    int type = parse_ethhdr(&nh, end, &eth);
    if (type < 0) { return record(ctx, PACKET_ABORTED); }
    if (type == bpf_htons(ETH_P_IP)) {
        proto = parse_iphdr(&nh, end, &ip);
    } else if (type == bpf_htons(ETH_P_IPV6)) {
        proto = parse_ip6hdr(&nh, end, &ip6);
    } else {
        return record(ctx, PACKET_PASS);
    }
    if (proto == IPPROTO_UDP) {
        if (parse_udphdr(&nh, end, &udp) < 0) { return record(ctx, PACKET_ABORTED); }
        udp->dest = bpf_htons(bpf_ntohs(udp->dest) - 1);
    } else if (proto == IPPROTO_TCP) {
        if (parse_tcphdr(&nh, end, &tcp) < 0) { return record(ctx, PACKET_ABORTED); }
        tcp->dest = bpf_htons(bpf_ntohs(tcp->dest) - 1);
    }
    return record(ctx, PACKET_PASS);
}

static __always_inline uint16_t csum_fold_helper(uint32_t csum) {
    uint32_t sum = (csum >> 16) + (csum & 0xffff);
    sum += sum >> 16;
    return (uint16_t)~sum;
}

/* Answers ICMP echo requests. */
SEC("packet/icmp_echo")
uint64_t icmp_echo(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    if (parse_ethhdr(&nh, end, &eth) != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    if (parse_iphdr(&nh, end, &ip) != IPPROTO_ICMP) { return PACKET_PASS; }
    struct icmphdr *icmp = (void *)nh.pos;
    if ((uint8_t *)(icmp + 1) > end) { return PACKET_PASS; }
    if (icmp->type != 8) { return PACKET_PASS; }
    uint32_t saddr = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = saddr;
    uint8_t mac[6];
    __builtin_memcpy(mac, eth->h_source, 6);
    __builtin_memcpy(eth->h_source, eth->h_dest, 6);
    __builtin_memcpy(eth->h_dest, mac, 6);
    uint16_t old = icmp->checksum;
    icmp->type = 0;
    icmp->checksum = csum_fold_helper((uint16_t)~old + (uint16_t)~(uint16_t)0x0008);
    return PACKET_TRANSMIT;
}

/* Takes off the outer VLAN tag's effect: rewrites the tag to 0. */
SEC("packet/vlan_swap")
uint64_t vlan_swap(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct vlan_hdr *vlh = (void *)(eth + 1);
    if ((uint8_t *)(vlh + 1) > ctx->data_end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_8021Q)) { return PACKET_PASS; }
    uint16_t tci = bpf_ntohs(vlh->h_vlan_TCI);
    uint16_t vid = tci & 0x0fff;
    if (vid == 0) { return PACKET_DROP; }
    vlh->h_vlan_TCI = bpf_htons((tci & 0xf000) | (vid ^ 1));
    return PACKET_TRANSMIT;
}

MAP(blacklist, BPF_MAP_TYPE_HASH, 1024, uint32_t, uint64_t);

SEC("packet/ddos_blacklist")
uint64_t ddos_blacklist(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    uint64_t offset = sizeof(*eth);
    if ((uint8_t *)eth + offset > data_end) { return PACKET_PASS; }
    uint16_t eth_type = eth->h_proto;
    if (bpf_ntohs(eth_type) < 0x0600) { return PACKET_PASS; }
    if (eth_type == bpf_htons(ETH_P_8021Q) || eth_type == bpf_htons(ETH_P_8021AD)) {
        struct vlan_hdr *vlan_hdr = (void *)((uint8_t *)eth + offset);
        offset += sizeof(*vlan_hdr);
        if ((uint8_t *)eth + offset > data_end) { return PACKET_PASS; }
        eth_type = vlan_hdr->h_vlan_encapsulated_proto;
    }
    if (bpf_ntohs(eth_type) != ETH_P_IP) { return PACKET_PASS; }
    struct iphdr *iph = (void *)(data + offset);
    if ((uint8_t *)(iph + 1) > data_end) { return PACKET_ABORTED; }
    uint32_t ip_src = iph->saddr;
    uint64_t *value = bpf_map_lookup_elem(&blacklist, &ip_src);
    if (value) {
        *value += 1;
        return PACKET_DROP;
    }
    return PACKET_PASS;
}

MAP(port_blacklist, BPF_MAP_TYPE_ARRAY, 1024, uint32_t, uint32_t);

SEC("packet/ddos_ports")
uint64_t ddos_ports(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *data_end = ctx->data_end;
    struct ethhdr *eth = (void *)data;
    struct iphdr *iph = (void *)(eth + 1);
    if ((uint8_t *)(iph + 1) > data_end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    uint32_t dport;
    uint32_t fproto;
    if (iph->protocol == IPPROTO_UDP) {
        struct udphdr *udph = (void *)(iph + 1);
        if ((uint8_t *)(udph + 1) > data_end) { return PACKET_ABORTED; }
        dport = bpf_ntohs(udph->dest);
        fproto = 1;
    } else if (iph->protocol == IPPROTO_TCP) {
        struct tcphdr *tcph = (void *)(iph + 1);
        if ((uint8_t *)(tcph + 1) > data_end) { return PACKET_ABORTED; }
        dport = bpf_ntohs(tcph->dest);
        fproto = 0;
    } else {
        return PACKET_PASS;
    }
    uint32_t *value = bpf_map_lookup_elem(&port_blacklist, &dport);
    if (value && (*value & (1u << fproto))) { return PACKET_DROP; }
    return PACKET_PASS;
}

struct five_tuple {
    uint32_t saddr;
    uint32_t daddr;
    uint16_t sport;
    uint16_t dport;
    uint8_t protocol;
    uint8_t pad[3];
};
MAP(conntrack, BPF_MAP_TYPE_HASH, 1024, struct five_tuple, struct counters);

SEC("packet/flow_account")
uint64_t flow_account(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    if (parse_ethhdr(&nh, end, &eth) != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    int proto = parse_iphdr(&nh, end, &ip);
    if (proto != IPPROTO_UDP && proto != IPPROTO_TCP) { return PACKET_PASS; }
    struct udphdr *ports = (void *)nh.pos;
    if ((uint8_t *)(ports + 1) > end) { return PACKET_PASS; }
    struct five_tuple key = {};
    key.saddr = ip->saddr;
    key.daddr = ip->daddr;
    key.sport = ports->source;
    key.dport = ports->dest;
    key.protocol = ip->protocol;
    struct counters *c = bpf_map_lookup_elem(&conntrack, &key);
    if (c) {
        c->packets++;
        c->bytes += ctx->len;
    } else {
        struct counters first = {.packets = 1, .bytes = ctx->len};
        bpf_map_update_elem(&conntrack, &key, &first, BPF_ANY);
    }
    return PACKET_PASS;
}

struct token_bucket {
    uint64_t tokens;
    uint64_t last;
};
MAP(buckets, BPF_MAP_TYPE_ARRAY, 16, uint32_t, struct token_bucket);
#define RATE_PER_MS 100
#define BURST 20000

SEC("packet/rate_limit")
uint64_t rate_limit(struct packet_context *ctx) {
    uint32_t key = ctx->port & 15;
    struct token_bucket *b = bpf_map_lookup_elem(&buckets, &key);
    if (!b) { return PACKET_PASS; }
    uint64_t now = ctx->time_ns;
    uint64_t elapsed_ms = (now - b->last) / 1000000;
    uint64_t tokens = b->tokens + elapsed_ms * RATE_PER_MS;
    if (tokens > BURST) { tokens = BURST; }
    if (elapsed_ms) { b->last = now; }
    if (tokens < ctx->len) {
        b->tokens = tokens;
        return PACKET_DROP;
    }
    b->tokens = tokens - ctx->len;
    return PACKET_PASS;
}

SEC("packet/sample_one_in_64")
uint64_t sample_one_in_64(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    if ((uint8_t *)eth + 60 > ctx->data_end) { return PACKET_DROP; }
    if (bpf_get_prandom_u32() % 64 != 0) { return PACKET_PASS; }
    uint32_t key = eth->h_proto == bpf_htons(ETH_P_IPV6) ? 1 : 0;
    struct counters *c = bpf_map_lookup_elem(&stats, &key);
    if (c) {
        c->packets += 64;
        c->bytes += 64 * (uint64_t)ctx->len;
    }
    return PACKET_PASS;
}

/* Broadcast, multicast and unicast are counted apart. */
SEC("packet/cast_kind")
uint64_t cast_kind(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    if ((uint8_t *)(eth + 1) > ctx->data_end) { return PACKET_DROP; }
    uint32_t kind = 0;
    int broadcast = 1;
    for (int i = 0; i < 6; i++) {
        if (eth->h_dest[i] != 0xff) { broadcast = 0; }
    }
    if (broadcast) {
        kind = 2;
    } else if (eth->h_dest[0] & 1) {
        kind = 1;
    }
    struct counters *c = bpf_map_lookup_elem(&stats, &kind);
    if (!c) { return PACKET_PASS; }
    c->packets++;
    c->bytes += ctx->len;
    return PACKET_PASS;
}

struct arp_seen {
    uint8_t mac[6];
    uint8_t pad[2];
    uint64_t time;
};
MAP(arp_cache, BPF_MAP_TYPE_HASH, 256, uint32_t, struct arp_seen);

SEC("packet/arp_learn")
uint64_t arp_learn(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct arphdr *arp = (void *)(eth + 1);
    if ((uint8_t *)(arp + 1) > ctx->data_end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_ARP)) { return PACKET_PASS; }
    if (arp->ar_hrd != bpf_htons(1) || arp->ar_pro != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    if (arp->ar_hln != 6 || arp->ar_pln != 4) { return PACKET_DROP; }
    uint32_t ip;
    __builtin_memcpy(&ip, arp->ar_sip, 4);
    struct arp_seen seen = {.time = ctx->time_ns};
    __builtin_memcpy(seen.mac, arp->ar_sha, 6);
    bpf_map_update_elem(&arp_cache, &ip, &seen, BPF_ANY);
    return arp->ar_op == bpf_htons(1) ? PACKET_TRANSMIT : PACKET_PASS;
}

/* DNS queries of type ANY are dropped. */
SEC("packet/dns_any")
uint64_t dns_any(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    struct udphdr *udp;
    if (parse_ethhdr(&nh, end, &eth) != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    if (parse_iphdr(&nh, end, &ip) != IPPROTO_UDP) { return PACKET_PASS; }
    if (parse_udphdr(&nh, end, &udp) < 0) { return PACKET_PASS; }
    if (udp->dest != bpf_htons(53)) { return PACKET_PASS; }
    uint8_t *dns = nh.pos;
    if (dns + 12 > end) { return PACKET_DROP; }
    uint16_t flags = dns[2] << 8 | dns[3];
    uint16_t questions = dns[4] << 8 | dns[5];
    if (flags & 0x8000) { return PACKET_PASS; }
    if (questions != 1) { return PACKET_DROP; }
    uint8_t *at = dns + 12;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 32; i++) {
        if (at + 1 > end) { return PACKET_DROP; }
        if (*at == 0) { break; }
        at++;
    }
    if (at + 5 > end) { return PACKET_DROP; }
    uint16_t qtype = at[1] << 8 | at[2];
    return qtype == 255 ? PACKET_DROP : PACKET_PASS;
}

/* SYN flood: marks TCP segments with SYN and without ACK. */
SEC("packet/syn_count")
uint64_t syn_count(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    struct tcphdr *tcp = (void *)(ip + 1);
    if ((uint8_t *)(tcp + 1) > end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_TCP) { return PACKET_PASS; }
    uint32_t key = 3;
    if (tcp->syn && !tcp->ack) {
        key = 4;
    } else if (tcp->rst || tcp->fin) {
        key = 5;
    }
    struct counters *c = bpf_map_lookup_elem(&stats, &key);
    if (c) {
        c->packets++;
        c->bytes += bpf_ntohs(ip->tot_len);
    }
    return PACKET_PASS;
}

/* Verifies the IPv4 header checksum. */
SEC("packet/ip_checksum")
uint64_t ip_checksum(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    if ((uint8_t *)(ip + 1) > ctx->data_end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    uint16_t *words = (void *)ip;
    uint32_t sum = 0;
#pragma unroll
    for (int i = 0; i < 10; i++) { sum += words[i]; }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum == 0 ? PACKET_PASS : PACKET_DROP;
}

/* Source NAT with incremental checksum (RFC 1624). */
MAP(nat, BPF_MAP_TYPE_HASH, 256, uint32_t, uint32_t);

SEC("packet/snat")
uint64_t snat(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    if ((uint8_t *)(ip + 1) > ctx->data_end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    uint32_t from = ip->saddr;
    uint32_t *to = bpf_map_lookup_elem(&nat, &from);
    if (!to) { return PACKET_PASS; }
    uint32_t address = *to;
    uint32_t sum = (uint16_t)~ip->check;
    sum += (uint16_t)~(from & 0xffff);
    sum += (uint16_t)~(from >> 16);
    sum += address & 0xffff;
    sum += address >> 16;
    ip->check = csum_fold_helper(sum);
    ip->saddr = address;
    return PACKET_TRANSMIT;
}

/* GRE: reads key and protocol of a tunnel. */
MAP(tunnels, BPF_MAP_TYPE_HASH, 64, uint32_t, struct counters);

SEC("packet/gre_key")
uint64_t gre_key(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *end = ctx->data_end;
    if (data + 14 + 20 + 8 > end) { return PACKET_PASS; }
    struct iphdr *ip = (void *)(data + 14);
    if (ip->version != 4 || ip->protocol != IPPROTO_GRE) { return PACKET_PASS; }
    uint8_t *gre = data + 34;
    uint16_t flags = gre[0] << 8 | gre[1];
    if ((flags & 0x2000) == 0) { return PACKET_PASS; }
    uint32_t key = (uint32_t)gre[4] << 24 | (uint32_t)gre[5] << 16 | (uint32_t)gre[6] << 8 | gre[7];
    struct counters *c = bpf_map_lookup_elem(&tunnels, &key);
    if (!c) { return PACKET_DROP; }
    c->packets++;
    c->bytes += ctx->len - 42;
    return PACKET_PASS;
}

/* VXLAN network identifier against a list. */
SEC("packet/vxlan_vni")
uint64_t vxlan_vni(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    struct udphdr *udp;
    if (parse_ethhdr(&nh, end, &eth) != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    if (parse_iphdr(&nh, end, &ip) != IPPROTO_UDP) { return PACKET_PASS; }
    if (parse_udphdr(&nh, end, &udp) < 8) { return PACKET_PASS; }
    if (udp->dest != bpf_htons(4789)) { return PACKET_PASS; }
    uint8_t *vxlan = nh.pos;
    if (vxlan + 8 > end) { return PACKET_DROP; }
    if ((vxlan[0] & 0x08) == 0) { return PACKET_DROP; }
    uint32_t vni = vxlan[4] << 16 | vxlan[5] << 8 | vxlan[6];
    return bpf_map_lookup_elem(&tunnels, &vni) ? PACKET_PASS : PACKET_DROP;
}

/* Equal-cost paths: a port by the hash of the addresses. */
SEC("packet/ecmp")
uint64_t ecmp(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    if ((uint8_t *)(ip + 1) > ctx->data_end) { return PACKET_DROP; }
    uint32_t h = ip->saddr ^ ip->daddr;
    h ^= h >> 16;
    h *= 0x45d9f3b;
    h ^= h >> 16;
    h *= 0x45d9f3b;
    h ^= h >> 16;
    uint32_t key = h % 6;
    struct counters *c = bpf_map_lookup_elem(&stats, &key);
    if (c) { c->packets++; }
    return PACKET_TRANSMIT;
}

/* Rewrites DSCP by a table. */
MAP(dscp_map, BPF_MAP_TYPE_ARRAY, 64, uint32_t, uint8_t);

SEC("packet/dscp_remark")
uint64_t dscp_remark(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    if ((uint8_t *)(ip + 1) > ctx->data_end) { return PACKET_PASS; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    uint32_t dscp = ip->tos >> 2;
    uint8_t *to = bpf_map_lookup_elem(&dscp_map, &dscp);
    if (!to || *to > 63) { return PACKET_PASS; }
    uint8_t old = ip->tos;
    ip->tos = (uint8_t)(*to << 2 | (old & 3));
    uint32_t sum = (uint16_t)~ip->check + (uint16_t)~(uint16_t)(old << 8) + ((uint32_t)ip->tos << 8);
    ip->check = csum_fold_helper(sum);
    return PACKET_PASS;
}

/* An allow list with a default, by destination port. */
SEC("packet/allow_list")
uint64_t allow_list(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    struct tcphdr *tcp;
    if (parse_ethhdr(&nh, end, &eth) != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    if (parse_iphdr(&nh, end, &ip) != IPPROTO_TCP) { return PACKET_PASS; }
    if (parse_tcphdr(&nh, end, &tcp) < 0) { return PACKET_DROP; }
    switch (bpf_ntohs(tcp->dest)) {
    case 22:
    case 80:
    case 443:
    case 8080:
        return PACKET_PASS;
    case 23:
    case 135:
    case 445:
        return PACKET_DROP;
    default:
        return tcp->ack ? PACKET_PASS : PACKET_DROP;
    }
}

/* Private source addresses must not come from outside. */
SEC("packet/bogon")
uint64_t bogon(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    if ((uint8_t *)(ip + 1) > ctx->data_end) { return PACKET_DROP; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    uint32_t source = bpf_ntohl(ip->saddr);
    if ((source & 0xff000000) == 0x0a000000) { return PACKET_DROP; }
    if ((source & 0xfff00000) == 0xac100000) { return PACKET_DROP; }
    if ((source & 0xffff0000) == 0xc0a80000) { return PACKET_DROP; }
    if ((source & 0xff000000) == 0x7f000000) { return PACKET_DROP; }
    if (source >> 28 >= 14) { return PACKET_DROP; }
    return PACKET_PASS;
}

/* Fragments: the first are counted, the others dropped. */
SEC("packet/fragments")
uint64_t fragments(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    struct iphdr *ip = (void *)(eth + 1);
    if ((uint8_t *)(ip + 1) > ctx->data_end) { return PACKET_DROP; }
    if (eth->h_proto != bpf_htons(ETH_P_IP)) { return PACKET_PASS; }
    uint16_t frag = bpf_ntohs(ip->frag_off);
    uint16_t offset = (frag & 0x1fff) * 8;
    if (offset) { return PACKET_DROP; }
    if (frag & 0x2000) { return record(ctx, 2); }
    return PACKET_PASS;
}

/* Finds a pattern in the first bytes of a payload. */
SEC("packet/signature")
uint64_t signature(struct packet_context *ctx) {
    uint8_t *data = ctx->data;
    uint8_t *end = ctx->data_end;
    if (data + 42 + 16 > end) { return PACKET_PASS; }
    uint8_t *payload = data + 42;
    static const uint8_t magic[8] = {'V', 'E', 'L', 'O', 'C', 'I', 'T', 'Y'};
    int match = 1;
    for (int i = 0; i < 8; i++) { match &= payload[i] == magic[i]; }
    return match ? PACKET_DROP : PACKET_PASS;
}

/* Packets by size class. */
MAP(size_classes, BPF_MAP_TYPE_PERCPU_ARRAY, 8, uint32_t, uint64_t);

SEC("packet/size_class")
uint64_t size_class(struct packet_context *ctx) {
    uint32_t len = ctx->len;
    uint32_t key;
    if (len <= 64) {
        key = 0;
    } else if (len <= 127) {
        key = 1;
    } else if (len <= 255) {
        key = 2;
    } else if (len <= 511) {
        key = 3;
    } else if (len <= 1023) {
        key = 4;
    } else {
        key = 5;
    }
    uint64_t *c = bpf_map_lookup_elem(&size_classes, &key);
    if (c) { *c += 1; }
    return PACKET_PASS;
}

/* TTL security (GTSM): only neighbours. */
SEC("packet/gtsm")
uint64_t gtsm(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct cursor nh = {ctx->data};
    struct ethhdr *eth;
    struct iphdr *ip;
    struct ipv6hdr *ip6;
    int type = parse_ethhdr(&nh, end, &eth);
    if (type == bpf_htons(ETH_P_IP)) {
        if (parse_iphdr(&nh, end, &ip) < 0) { return PACKET_DROP; }
        return ip->ttl == 255 ? PACKET_PASS : PACKET_DROP;
    }
    if (type == bpf_htons(ETH_P_IPV6)) {
        if (parse_ip6hdr(&nh, end, &ip6) < 0) { return PACKET_DROP; }
        return ip6->hop_limit == 255 ? PACKET_PASS : PACKET_DROP;
    }
    return PACKET_PASS;
}

/* MPLS label stack down to its bottom. */
SEC("packet/mpls")
uint64_t mpls(struct packet_context *ctx) {
    uint8_t *end = ctx->data_end;
    struct ethhdr *eth = (void *)ctx->data;
    if ((uint8_t *)(eth + 1) > end) { return PACKET_DROP; }
    if (eth->h_proto != bpf_htons(ETH_P_MPLS)) { return PACKET_PASS; }
    uint8_t *at = (uint8_t *)(eth + 1);
#pragma clang loop unroll(disable)
    for (int i = 0; i < 8; i++) {
        if (at + 4 > end) { return PACKET_DROP; }
        uint32_t entry = bpf_ntohl(*(uint32_t *)at);
        if ((entry & 0xff) == 0) { return PACKET_DROP; }
        if (entry & 0x100) { return PACKET_PASS; }
        at += 4;
    }
    return PACKET_DROP;
}

/* A MAC learning bridge's lookup. */
struct mac_key {
    uint8_t mac[6];
    uint16_t vlan;
};
struct mac_entry {
    uint32_t port;
    uint32_t age;
};
MAP(fdb, BPF_MAP_TYPE_HASH, 512, struct mac_key, struct mac_entry);

SEC("packet/bridge")
uint64_t bridge(struct packet_context *ctx) {
    struct ethhdr *eth = (void *)ctx->data;
    if ((uint8_t *)(eth + 1) > ctx->data_end) { return PACKET_DROP; }
    struct mac_key key = {};
    struct mac_entry self = {.port = ctx->port, .age = (uint32_t)(ctx->time_ns >> 30)};
    __builtin_memcpy(key.mac, eth->h_source, 6);
    bpf_map_update_elem(&fdb, &key, &self, BPF_ANY);
    __builtin_memcpy(key.mac, eth->h_dest, 6);
    struct mac_entry *found = bpf_map_lookup_elem(&fdb, &key);
    if (!found) { return PACKET_PASS; }
    return found->port == ctx->port ? PACKET_DROP : PACKET_TRANSMIT;
}
