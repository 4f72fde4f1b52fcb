#pragma once
/* The BCM2835 power management block, as far as it restarts the chip. */

#include "lib/fdt.h"

void watchdog_probe(const struct fdt_node *node);

/* Returns at once; the reset follows within 0.2 ms where there is such a block. */
void watchdog_reset(void);
