#pragma once
/* Registers of virtio over MMIO: version 2 (Virtual I/O Device 1.2, §4.2.2) and, marked so, legacy version 1 (§4.2.4). */

#define VIRTIO_MAGIC 0x000u
#define VIRTIO_VERSION 0x004u
#define VIRTIO_DEVICE_ID 0x008u
#define VIRTIO_DEVICE_FEATURES 0x010u
#define VIRTIO_DEVICE_FEATURES_SEL 0x014u
#define VIRTIO_DRIVER_FEATURES 0x020u
#define VIRTIO_DRIVER_FEATURES_SEL 0x024u
#define VIRTIO_LEGACY_PAGE_SIZE 0x028u
#define VIRTIO_QUEUE_SEL 0x030u
#define VIRTIO_QUEUE_NUM_MAX 0x034u
#define VIRTIO_QUEUE_NUM 0x038u
#define VIRTIO_LEGACY_QUEUE_ALIGN 0x03cu
#define VIRTIO_LEGACY_QUEUE_PFN 0x040u
#define VIRTIO_QUEUE_READY 0x044u
#define VIRTIO_QUEUE_NOTIFY 0x050u
#define VIRTIO_INTERRUPT_STATUS 0x060u
#define VIRTIO_INTERRUPT_ACK 0x064u
#define VIRTIO_STATUS 0x070u
#define VIRTIO_QUEUE_DESC 0x080u   /* low word; high word follows */
#define VIRTIO_QUEUE_DRIVER 0x090u
#define VIRTIO_QUEUE_DEVICE 0x0a0u

#define VIRTIO_MAGIC_VALUE 0x74726976u /* "virt" */
#define VIRTIO_ID_NET 1u
#define VIRTIO_ID_BLOCK 2u

#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_FAILED 128u

#define VIRTIO_F_ANY_LAYOUT (1u << 27)  /* legacy: header and frame may share a descriptor */
#define VIRTIO_F_VERSION_1_HIGH (1u << 0) /* bit 32 */

#include "gen/abi_status.h"
#include "lib/fdt.h"

/* Registers of the device at this node if it has this id, else 0. `legacy` is set then. */
[[nodiscard]] uint64_t virtio_mmio_find(const struct fdt_node *node, uint32_t id, bool *legacy);

void virtio_mmio_add_status(uint64_t base, uint32_t bits);

/* Resets the device and settles the features (§3.1.1, steps 1 to 6): of the low 32 bits only `wanted`, and those only by the
 * legacy interface. STATUS_NOT_SUPPORTED when the device wants more. */
[[nodiscard]] enum status virtio_mmio_negotiate(uint64_t base, bool legacy, uint32_t wanted);
