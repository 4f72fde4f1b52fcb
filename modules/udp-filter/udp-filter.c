/* Lets IPv4/UDP through unless its destination port is blocked, and counts packets and bytes of each flow. */
#include "velocity.h"

#define ETHERNET_BYTES 14u
#define ETHERTYPE_IPV4 0x0800u
#define IPV4_MINIMUM_BYTES 20u
#define PROTOCOL_UDP 17u
#define UDP_BYTES 8u

struct flow {
    uint32_t source;
    uint32_t destination;
    uint16_t source_port;
    uint16_t destination_port;
};

struct counters {
    uint64_t packets;
    uint64_t bytes;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 256);
    __type(key, struct flow);
    __type(value, struct counters);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, uint16_t);
    __type(value, uint8_t);
} blocked_ports SEC(".maps");

static __always_inline uint16_t be16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static __always_inline uint32_t be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static __always_inline void count(const struct flow *flow, uint32_t bytes) {
    struct counters *seen = bpf_map_lookup_elem(&flows, flow);
    if (seen) {
        __sync_fetch_and_add(&seen->packets, 1);
        __sync_fetch_and_add(&seen->bytes, bytes);
        return;
    }
    struct counters first = {.packets = 1, .bytes = bytes};
    bpf_map_update_elem(&flows, flow, &first, BPF_ANY);
}

SEC("packet")
uint64_t udp_filter(struct packet_context *ctx) {
    const uint8_t *frame = ctx->data;
    const uint8_t *end = ctx->data_end;
    if (frame + ETHERNET_BYTES + IPV4_MINIMUM_BYTES > end) { return PACKET_PASS; }
    if (be16(frame + 12) != ETHERTYPE_IPV4) { return PACKET_PASS; }

    const uint8_t *ip = frame + ETHERNET_BYTES;
    uint32_t header_bytes = (ip[0] & 15u) * 4u;
    if (ip[0] >> 4 != 4 || header_bytes < IPV4_MINIMUM_BYTES) { return PACKET_DROP; }
    if (ip[9] != PROTOCOL_UDP) { return PACKET_PASS; }

    const uint8_t *udp = ip + header_bytes;
    if (udp + UDP_BYTES > end) { return PACKET_DROP; }

    struct flow flow = {
        .source = be32(ip + 12),
        .destination = be32(ip + 16),
        .source_port = be16(udp),
        .destination_port = be16(udp + 2),
    };
    count(&flow, ctx->len);
    return bpf_map_lookup_elem(&blocked_ports, &flow.destination_port) ? PACKET_DROP : PACKET_PASS;
}
