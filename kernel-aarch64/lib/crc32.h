#pragma once
/* CRC-32 as in IEEE 802.3: polynomial 0x04c11db7 reflected, initial and final complement; "123456789" gives 0xcbf43926. */

#include <stdint.h>

[[nodiscard]] uint32_t crc32(const void *data, uint32_t size_bytes);

/* The CRC of what gave `crc` (0: nothing) followed by `data`. */
[[nodiscard]] uint32_t crc32_update(uint32_t crc, const void *data, uint32_t size_bytes);
