#include "drivers/disk.h"
#include "drivers/virtio_blk.h"

void disk_probe(const struct fdt_node *node) { virtio_blk_probe(node); }

const struct block_device *disk_open(void) { return virtio_blk_open(); }

void disk_close(void) { virtio_blk_close(); }
