/* CRC-32 (IEEE 802.3, reflected) of 128 bytes, bit by bit. */
#include "program.h"

PROGRAM(crc32) {
    uint32_t crc = ~0u;
    for (uint32_t i = 0; i < 128; i++) {
        crc ^= memory[i];
        for (uint32_t bit = 0; bit < 8; bit++) {
            uint32_t mask = 0u - (crc & 1);
            crc = crc >> 1 ^ (0xedb88320u & mask);
        }
    }
    return ~crc;
}
