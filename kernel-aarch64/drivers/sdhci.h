#pragma once
/* SD cards behind an SD Host Controller (SD Host Controller Simplified Specification 3.00) of a Raspberry Pi, one block at
 * a time, polled, without DMA: the Arasan of the BCM2835 to BCM2837 and the EMMC2 of the BCM2711. */

#include "drivers/block.h"
#include "lib/fdt.h"

void sdhci_probe(const struct fdt_node *node);

/* Null when there is no such controller, or no card of version 2.00 or newer in it. */
[[nodiscard]] const struct block_device *sdhci_open(void);
