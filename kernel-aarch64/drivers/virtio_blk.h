#pragma once
/* Virtio block device over MMIO (Virtual I/O Device 1.2, §4.2 and §5.2), one request at a time, polled. */

#include "drivers/block.h"
#include "lib/fdt.h"

void virtio_blk_probe(const struct fdt_node *node);

/* Null when there is no such device, or it does not start. */
[[nodiscard]] const struct block_device *virtio_blk_open(void);

/* Lets the device forget the memory that it was told of. */
void virtio_blk_close(void);
