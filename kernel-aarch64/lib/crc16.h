#pragma once
/* CRC-16/XMODEM: polynomial 0x1021, initial value 0, nothing reflected; SMP's console framing uses it
 * (Zephyr smp_transport.rst). Over data followed by its CRC, high byte first, it gives 0. */

#include "lib/span.h"
#include <stdint.h>

/* Goes on from `crc`; start with 0. */
[[nodiscard]] uint16_t crc16(uint16_t crc, struct span data);
