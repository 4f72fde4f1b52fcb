/* CRC-32 (IEEE 802.3, reflected) of 256 bytes, by a table that lies in the memory. */
#include "program.h"

enum { BYTES = 256, TABLE_AT = 1024 };

PROGRAM(crc32) {
    const uint32_t *table = (const uint32_t *)(memory + TABLE_AT);
    uint32_t crc = ~0u;
    for (uint32_t i = 0; i < BYTES; i++) { crc = table[(crc ^ memory[i]) & 0xff] ^ crc >> 8; }
    return ~crc;
}
