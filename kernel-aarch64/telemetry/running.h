#pragma once
/* Which module each core is running, so that helpers can say who called them. */

#include "smp/core.h"
#include <stdint.h>

/* What every module version starts with. */
struct running {
    const char *name; /* NUL-terminated, static or as long-lived as the version */
    uint32_t version;
};

/* Written by the dispatcher of that core before each call; null before the first, and when that version is freed. */
extern const struct running *running_module[MAX_CORES];
