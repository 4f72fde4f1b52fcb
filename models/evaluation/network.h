/* Header layouts (IEEE 802.3, 802.1Q, RFC 791, 768, 9293, 8200, 792, 826) for the evaluation programs, as C structs. */
#pragma once
#include "velocity.h"

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define ETH_P_IPV6 0x86dd
#define ETH_P_MPLS 0x8847

#define IPPROTO_ICMP 1
#define IPPROTO_IPIP 4
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_GRE 47
#define IPPROTO_ICMPV6 58

#define bpf_htons(x) ((uint16_t)__builtin_bswap16(x))
#define bpf_ntohs(x) ((uint16_t)__builtin_bswap16(x))
#define bpf_htonl(x) ((uint32_t)__builtin_bswap32(x))
#define bpf_ntohl(x) ((uint32_t)__builtin_bswap32(x))

struct ethhdr {
    uint8_t h_dest[6];
    uint8_t h_source[6];
    uint16_t h_proto;
} __attribute__((packed));

struct vlan_hdr {
    uint16_t h_vlan_TCI;
    uint16_t h_vlan_encapsulated_proto;
};

struct iphdr {
    uint8_t ihl : 4, version : 4;
    uint8_t tos;
    uint16_t tot_len;
    uint16_t id;
    uint16_t frag_off;
    uint8_t ttl;
    uint8_t protocol;
    uint16_t check;
    uint32_t saddr;
    uint32_t daddr;
};

struct ipv6hdr {
    uint8_t priority : 4, version : 4;
    uint8_t flow_lbl[3];
    uint16_t payload_len;
    uint8_t nexthdr;
    uint8_t hop_limit;
    uint32_t saddr[4];
    uint32_t daddr[4];
};

struct udphdr {
    uint16_t source;
    uint16_t dest;
    uint16_t len;
    uint16_t check;
};

struct tcphdr {
    uint16_t source;
    uint16_t dest;
    uint32_t seq;
    uint32_t ack_seq;
    uint16_t res1 : 4, doff : 4, fin : 1, syn : 1, rst : 1, psh : 1, ack : 1, urg : 1, ece : 1, cwr : 1;
    uint16_t window;
    uint16_t check;
    uint16_t urg_ptr;
};

struct icmphdr {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint16_t id;
    uint16_t sequence;
};

struct arphdr {
    uint16_t ar_hrd;
    uint16_t ar_pro;
    uint8_t ar_hln;
    uint8_t ar_pln;
    uint16_t ar_op;
    uint8_t ar_sha[6];
    uint8_t ar_sip[4];
    uint8_t ar_tha[6];
    uint8_t ar_tip[4];
} __attribute__((packed));

#define MAP(name_, type_, entries, key_type, value_type) \
    struct { \
        __uint(type, type_); \
        __uint(max_entries, entries); \
        __type(key, key_type); \
        __type(value, value_type); \
    } name_ SEC(".maps")
