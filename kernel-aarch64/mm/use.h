#pragma once
/* How full a pool is. */

#include <stdint.h>

struct memory_use {
    uint32_t bytes;      /* in use now */
    uint32_t most_bytes; /* the most that ever was */
};
