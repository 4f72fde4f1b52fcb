#include "drivers/virtio_net.h"
#include "drivers/virtio_mmio.h"
#include "drivers/virtio_net_start.h"
#include "drivers/virtqueue.h"
#include "irq/irq.h"
#include "lib/irqflags.h"
#include "lib/mem.h"
#include "lib/mmio.h"
#include "mm/map.h"

#define QUEUE_RECEIVE 0u
#define QUEUE_SEND 1u
#define BUFFER_BYTES 2048u /* header, frame, and room to keep buffers aligned */
#define HEADER_BYTES 12u   /* struct virtio_net_hdr with num_buffers (§5.1.6) */
#define HEADER_BYTES_LEGACY 10u
#define FRAME_MIN_BYTES 14u

static uint64_t base; /* 0: no device */
static bool legacy;
static uint32_t header_bytes;
static uint32_t interrupt_parent;
static struct span interrupts;
static struct virtqueue receive_queue;
static struct virtqueue send_queue;
static uint32_t send_free; /* bit per buffer of send_queue */
static net_receive receiver;

/* QEMU's virt machine lists 32 places for devices; those without one have id 0. */
void net_probe(const struct fdt_node *node) {
    uint64_t addr;
    uint64_t size;
    if (base || !fdt_compatible(node, "virtio,mmio")) { return; }
    if (fdt_reg(node, 0, &addr, &size) != STATUS_OK || map_device(addr, size) != STATUS_OK) { return; }
    if (mmio_read(addr + VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE) { return; }
    if (mmio_read(addr + VIRTIO_DEVICE_ID) != VIRTIO_ID_NET) { return; }
    const uint32_t version = mmio_read(addr + VIRTIO_VERSION);
    if (version != 1 && version != 2) { return; }
    base = addr;
    legacy = version == 1;
    header_bytes = legacy ? HEADER_BYTES_LEGACY : HEADER_BYTES;
    interrupt_parent = node->interrupt_parent;
    interrupts = node->property[FDT_INTERRUPTS];
}

static void add_status(uint32_t bits) { mmio_write(base + VIRTIO_STATUS, mmio_read(base + VIRTIO_STATUS) | bits); }

/* §3.1.1 steps 1 to 6: no optional features, hence one buffer per frame and no offloads. */
static enum status negotiate(void) {
    mmio_write(base + VIRTIO_STATUS, 0);
    add_status(VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(VIRTIO_STATUS_DRIVER);
    mmio_write(base + VIRTIO_DEVICE_FEATURES_SEL, 0);
    const uint32_t low = mmio_read(base + VIRTIO_DEVICE_FEATURES);
    mmio_write(base + VIRTIO_DRIVER_FEATURES_SEL, 0);
    mmio_write(base + VIRTIO_DRIVER_FEATURES, legacy ? low & VIRTIO_F_ANY_LAYOUT : 0);
    if (legacy) {
        mmio_write(base + VIRTIO_LEGACY_PAGE_SIZE, 4096);
        return STATUS_OK;
    }
    mmio_write(base + VIRTIO_DRIVER_FEATURES_SEL, 1);
    mmio_write(base + VIRTIO_DRIVER_FEATURES, VIRTIO_F_VERSION_1_HIGH);
    add_status(VIRTIO_STATUS_FEATURES_OK);
    return mmio_read(base + VIRTIO_STATUS) & VIRTIO_STATUS_FEATURES_OK ? STATUS_OK : STATUS_NOT_SUPPORTED;
}

static void on_interrupt(void *cookie) {
    (void)cookie;
    mmio_write(base + VIRTIO_INTERRUPT_ACK, mmio_read(base + VIRTIO_INTERRUPT_STATUS));
    uint32_t id;
    uint32_t len;
    bool any = false;
    while (virtqueue_take(&receive_queue, &id, &len)) {
        if (receiver && len >= header_bytes + FRAME_MIN_BYTES) {
            receiver(virtqueue_buffer(&receive_queue, id) + header_bytes, len - header_bytes);
        }
        virtqueue_offer(&receive_queue, id, BUFFER_BYTES, true);
        any = true;
    }
    if (any) { virtqueue_notify(&receive_queue); }
}

static enum status start(void) {
    enum status status = negotiate();
    if (status == STATUS_OK) { status = virtqueue_init(&receive_queue, base, legacy, QUEUE_RECEIVE, BUFFER_BYTES); }
    if (status == STATUS_OK) { status = virtqueue_init(&send_queue, base, legacy, QUEUE_SEND, BUFFER_BYTES); }
    const uint32_t irq = irq_number(interrupt_parent, interrupts, 0);
    if (status == STATUS_OK) { status = irq_register(irq, on_interrupt, nullptr); }
    if (status != STATUS_OK) { return status; }
    for (uint32_t id = 0; id < QUEUE_ENTRIES; id++) { virtqueue_offer(&receive_queue, id, BUFFER_BYTES, true); }
    send_free = (1u << QUEUE_ENTRIES) - 1;
    irq_enable(irq);
    add_status(VIRTIO_STATUS_DRIVER_OK);
    virtqueue_notify(&receive_queue);
    return STATUS_OK;
}

enum status net_init(void) {
    if (!base) { return STATUS_OK; }
    const enum status status = start();
    if (status != STATUS_OK) {
        add_status(VIRTIO_STATUS_FAILED);
        base = 0;
    }
    return status;
}

bool net_present(void) { return base != 0; }

void net_on_receive(net_receive receive) { receiver = receive; }

/* With interrupts masked: the receive interrupt may send too. */
static enum status send_masked(const uint8_t *frame, uint32_t size) {
    uint32_t id;
    uint32_t len;
    while (virtqueue_take(&send_queue, &id, &len)) { send_free |= 1u << id; }
    if (send_free == 0) { return STATUS_BUSY; }
    id = (uint32_t)__builtin_ctz(send_free);
    send_free &= send_free - 1;
    uint8_t *buffer = virtqueue_buffer(&send_queue, id);
    memset(buffer, 0, header_bytes);
    memcpy(buffer + header_bytes, frame, size);
    virtqueue_offer(&send_queue, id, header_bytes + size, false);
    virtqueue_notify(&send_queue);
    return STATUS_OK;
}

enum status net_send(const uint8_t *frame, uint32_t size) {
    if (!base) { return STATUS_NOT_SUPPORTED; }
    if (size < FRAME_MIN_BYTES || size > NET_FRAME_MAX_BYTES) { return STATUS_INVALID_ARGUMENT; }
    const uint64_t flags = irq_save();
    const enum status status = send_masked(frame, size);
    irq_restore(flags);
    return status;
}
