#include "drivers/virtio_mmio.h"
#include "lib/mmio.h"
#include "mm/map.h"

/* QEMU's virt machine lists 32 places for devices; those without one have id 0. */
uint64_t virtio_mmio_find(const struct fdt_node *node, uint32_t id, bool *legacy) {
    uint64_t addr;
    uint64_t size;
    if (!fdt_compatible(node, "virtio,mmio")) { return 0; }
    if (fdt_reg(node, 0, &addr, &size) != STATUS_OK || map_device(addr, size) != STATUS_OK) { return 0; }
    if (mmio_read(addr + VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE || mmio_read(addr + VIRTIO_DEVICE_ID) != id) { return 0; }
    const uint32_t version = mmio_read(addr + VIRTIO_VERSION);
    *legacy = version == 1;
    return version == 1 || version == 2 ? addr : 0;
}

void virtio_mmio_add_status(uint64_t base, uint32_t bits) {
    mmio_write(base + VIRTIO_STATUS, mmio_read(base + VIRTIO_STATUS) | bits);
}

enum status virtio_mmio_negotiate(uint64_t base, bool legacy, uint32_t wanted) {
    mmio_write(base + VIRTIO_STATUS, 0);
    virtio_mmio_add_status(base, VIRTIO_STATUS_ACKNOWLEDGE);
    virtio_mmio_add_status(base, VIRTIO_STATUS_DRIVER);
    mmio_write(base + VIRTIO_DEVICE_FEATURES_SEL, 0);
    const uint32_t low = mmio_read(base + VIRTIO_DEVICE_FEATURES);
    mmio_write(base + VIRTIO_DRIVER_FEATURES_SEL, 0);
    mmio_write(base + VIRTIO_DRIVER_FEATURES, legacy ? low & wanted : 0);
    if (legacy) {
        mmio_write(base + VIRTIO_LEGACY_PAGE_SIZE, 4096);
        return STATUS_OK;
    }
    mmio_write(base + VIRTIO_DRIVER_FEATURES_SEL, 1);
    mmio_write(base + VIRTIO_DRIVER_FEATURES, VIRTIO_F_VERSION_1_HIGH);
    virtio_mmio_add_status(base, VIRTIO_STATUS_FEATURES_OK);
    return mmio_read(base + VIRTIO_STATUS) & VIRTIO_STATUS_FEATURES_OK ? STATUS_OK : STATUS_NOT_SUPPORTED;
}
