#pragma once
/* A block device: sectors of 512 bytes, polled. Every wait is capped. Core 0, outside interrupts. */

#include "gen/abi_status.h"
#include <stdint.h>

/* STATUS_OK, STATUS_TIMEOUT, STATUS_CORRUPT when the device reports an error, STATUS_INVALID_ARGUMENT beyond its end.
 * What a write that returns has written outlives the loss of power. Memory is aligned to words. */
struct block_device {
    enum status (*read)(void *cookie, uint64_t sector, uint32_t count, void *out);
    enum status (*write)(void *cookie, uint64_t sector, uint32_t count, const void *in);
    void *cookie;
};
