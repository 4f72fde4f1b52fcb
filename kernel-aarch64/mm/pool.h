#pragma once
/* One pool of 8 MiB for everything whose size is known only at run time: maps, module versions, buffers.
 * Called on core 0 outside interrupt context; the memory itself may be used anywhere. */

#include "gen/abi_status.h"
#include "mm/use.h"
#include <stdint.h>

#define POOL_BYTES (8u * 1024u * 1024u)

/* Zeroed memory. `align`: a power of two up to 4096 (0 means 16). STATUS_POOL_FULL, STATUS_INVALID_ARGUMENT. */
[[nodiscard]] enum status pool_alloc(uint32_t size_bytes, uint32_t align, void **out);

/* Null is allowed. A pointer that pool_alloc() did not give is ignored. */
void pool_free(void *memory);

#define POOL_BLOCK_BYTES 16u

/* Block headers included. */
[[nodiscard]] struct memory_use pool_use(void);
