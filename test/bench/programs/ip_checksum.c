/* The checksum of an IPv4 header with up to 40 bytes of options, RFC 1071. */
#include "program.h"

PROGRAM(ip_checksum) {
    uint32_t words = (memory[0] & 15u) * 2;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < words; i++) { sum += big16(memory + 2 * i); }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}
