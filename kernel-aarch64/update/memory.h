#pragma once
/* A medium of memory, for an image that is started from there: one slot, and nothing that lasts. */

#include "update/store.h"

#define MEMORY_SLOT 0u
#define MEMORY_MEDIUM_BYTES 0x200000u /* records, and the first slot */

/* An empty one at an address where that much is free. Core 0. */
void memory_open(struct store *store, uint8_t *start);
