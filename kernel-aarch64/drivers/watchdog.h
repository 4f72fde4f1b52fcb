#pragma once
/* The watchdog of the BCM2835's power management block. QEMU's resets the board as soon as it is started, so where the tree
 * says that it is QEMU's (qemu,bcm2835-pm-wdt) it only resets. Each function does nothing where there is no such block. */

#include "lib/fdt.h"

void watchdog_probe(const struct fdt_node *node);

/* The board is reset unless this is called again, or watchdog_stop(), within 16 s. Any one core at a time. */
void watchdog_feed(void);
void watchdog_stop(void);

/* Returns at once; the reset follows within 0.2 ms, within 16 s if another core is feeding in that moment. */
void watchdog_reset(void);
