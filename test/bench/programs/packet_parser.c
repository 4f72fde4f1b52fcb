/* Looks through Ethernet, VLAN, IPv4, IPv6, TCP and UDP in eight frames of 128 bytes and counts what it finds. */
#include "program.h"

enum { FRAMES = 8, FRAME_BYTES = 128, COUNTS = FRAMES * FRAME_BYTES };
enum { ETHERTYPE_VLAN = 0x8100, ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum kind { OTHER, VLAN, IPV4, IPV6, TCP, UDP, KINDS };

static inline void count(uint8_t *memory, enum kind kind) { ((uint32_t *)(memory + COUNTS))[kind]++; }

static inline uint32_t ports(uint8_t *memory, const uint8_t *transport, uint32_t protocol) {
    if (protocol == PROTOCOL_TCP) {
        count(memory, TCP);
        return transport[12] >> 4 < 5 ? 0 : big32(transport);
    }
    if (protocol == PROTOCOL_UDP) {
        count(memory, UDP);
        return big16(transport + 4) < 8 ? 0 : big32(transport);
    }
    count(memory, OTHER);
    return protocol;
}

static inline uint32_t parse(uint8_t *memory, const uint8_t *frame) {
    uint32_t type = big16(frame + 12);
    uint32_t at = 14;
    if (type == ETHERTYPE_VLAN) {
        count(memory, VLAN);
        type = big16(frame + 16);
        at = 18;
    }
    const uint8_t *header = frame + at;
    if (type == ETHERTYPE_IPV4) {
        uint32_t length = (header[0] & 15u) * 4;
        count(memory, IPV4);
        if (length < 20) { return 0; }
        return ports(memory, header + length, header[9]);
    }
    if (type == ETHERTYPE_IPV6) {
        count(memory, IPV6);
        return ports(memory, header + 40, header[6]);
    }
    count(memory, OTHER);
    return type;
}

PROGRAM(packet_parser) {
    uint32_t result = 0;
    for (uint32_t kind = 0; kind < KINDS; kind++) { ((uint32_t *)(memory + COUNTS))[kind] = 0; }
    for (uint32_t i = 0; i < FRAMES; i++) { result = result * 31 + parse(memory, memory + i * FRAME_BYTES); }
    return result;
}
