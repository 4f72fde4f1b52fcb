#include "drivers/disk.h"
#include "drivers/sdhci.h"
#include "drivers/virtio_blk.h"

void disk_probe(const struct fdt_node *node) {
    virtio_blk_probe(node);
    sdhci_probe(node);
}

const struct block_device *disk_open(void) {
    const struct block_device *virtio = virtio_blk_open();
    return virtio ? virtio : sdhci_open();
}

void disk_close(void) { virtio_blk_close(); }
