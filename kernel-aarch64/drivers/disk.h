#pragma once
/* The boot medium, where the device tree names one that is driven. */

#include "drivers/block.h"
#include "lib/fdt.h"

void disk_probe(const struct fdt_node *node);

/* Starts the first medium that answers; null when there is none. Core 0, before other cores run or at any later time. */
[[nodiscard]] const struct block_device *disk_open(void);

/* Lets it forget the memory that it was told of: another image is about to start. */
void disk_close(void);
