/* Layer-4 load balancer: hashes the five-tuple of a frame, chooses one of 16 back ends, and writes the frame on with that
 * one's address and the checksum corrected (RFC 1624). */
#include "program.h"

enum { FRAME_BYTES = 64, BACKENDS = 128, BACKEND_BYTES = 12, OUTPUT = 512 };
enum { IP = 14, IP_CHECKSUM = IP + 10, IP_SOURCE = IP + 12, IP_DESTINATION = IP + 16, PORTS = IP + 20 };

static inline uint32_t rotate(uint32_t value, uint32_t by) { return value << by | value >> (32 - by); }

/* Bob Jenkins' final mix of three words. */
static inline uint32_t mix(uint32_t a, uint32_t b, uint32_t c) {
    c = (c ^ b) - rotate(b, 14);
    a = (a ^ c) - rotate(c, 11);
    b = (b ^ a) - rotate(a, 25);
    c = (c ^ b) - rotate(b, 16);
    a = (a ^ c) - rotate(c, 4);
    b = (b ^ a) - rotate(a, 14);
    return (c ^ b) - rotate(b, 24);
}

static inline uint32_t corrected(uint32_t checksum, uint32_t before, uint32_t after) {
    uint32_t sum = (~checksum & 0xffff) + (~before & 0xffff) + (~before >> 16) + (after & 0xffff) + (after >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

PROGRAM(load_balancer) {
    if (big16(memory + 12) != 0x0800 || memory[IP] != 0x45) { return 1; }
    uint32_t protocol = memory[IP + 9];
    if (protocol != 6 && protocol != 17) { return 1; }
    uint32_t destination = big32(memory + IP_DESTINATION);
    uint32_t hash = mix(big32(memory + IP_SOURCE), destination ^ protocol, big32(memory + PORTS));

    const uint8_t *backend = memory + BACKENDS + (hash & 15) * BACKEND_BYTES;
    uint8_t *output = memory + OUTPUT;
    for (uint32_t i = 0; i < FRAME_BYTES; i++) { output[i] = memory[i]; }
    for (uint32_t i = 0; i < 6; i++) { output[i] = backend[i]; }
    for (uint32_t i = 0; i < 4; i++) { output[IP_DESTINATION + i] = backend[6 + i]; }
    uint32_t checksum = corrected(big16(memory + IP_CHECKSUM), destination, big32(backend + 6));
    output[IP_CHECKSUM] = (uint8_t)(checksum >> 8);
    output[IP_CHECKSUM + 1] = (uint8_t)checksum;
    return hash;
}
