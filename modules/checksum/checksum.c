/* Drops IPv4 packets whose header checksum is wrong (RFC 791), counting both kinds. */
#include "velocity.h"

#define ETHERNET_BYTES 14u
#define HEADER_BYTES 20u
#define TYPE_IPV4 0x0008 /* 0x0800 in network order */

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2); /* 0: good, 1: bad */
    __type(key, uint32_t);
    __type(value, uint64_t);
} checksum_counts SEC(".maps");

SEC("packet")
uint64_t checksum_filter(struct packet_context *ctx) {
    const uint8_t *frame = ctx->data;
    if (frame + ETHERNET_BYTES + HEADER_BYTES > ctx->data_end) { return PACKET_PASS; }
    const uint8_t *header = frame + ETHERNET_BYTES;
    uint32_t bytes = (header[0] & 15u) * 4;
    if (*(const uint16_t *)(frame + 12) != TYPE_IPV4 || bytes < HEADER_BYTES) { return PACKET_PASS; }

    uint64_t sum = vl_checksum(header, HEADER_BYTES, 0);
    if (bytes > HEADER_BYTES) { /* options: the longest header has 60 bytes */
        if (header + 60 > ctx->data_end) { return PACKET_PASS; }
        sum = vl_checksum(header, bytes, 0);
    }
    uint32_t kind = sum == 0xffff ? 0 : 1; /* a header with a right checksum sums up to all ones */
    uint64_t *count = bpf_map_lookup_elem(&checksum_counts, &kind);
    if (count) { *count += 1; }
    return kind == 0 ? PACKET_PASS : PACKET_DROP;
}
