#include "drivers/virtio_net.h"
#include "drivers/virtio_mmio.h"
#include "drivers/virtio_net_start.h"
#include "drivers/virtqueue.h"
#include "irq/irq.h"
#include "lib/irqflags.h"
#include "lib/mem.h"
#include "lib/mmio.h"

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

void net_probe(const struct fdt_node *node) {
    if (base) { return; }
    base = virtio_mmio_find(node, VIRTIO_ID_NET, &legacy);
    if (!base) { return; }
    header_bytes = legacy ? HEADER_BYTES_LEGACY : HEADER_BYTES;
    interrupt_parent = node->interrupt_parent;
    interrupts = node->property[FDT_INTERRUPTS];
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
    /* No optional features, hence one buffer per frame and no offloads. */
    enum status status = virtio_mmio_negotiate(base, legacy, VIRTIO_F_ANY_LAYOUT);
    if (status == STATUS_OK) { status = virtqueue_init(&receive_queue, base, legacy, QUEUE_RECEIVE, BUFFER_BYTES); }
    if (status == STATUS_OK) { status = virtqueue_init(&send_queue, base, legacy, QUEUE_SEND, BUFFER_BYTES); }
    const uint32_t irq = irq_number(interrupt_parent, interrupts, 0);
    if (status == STATUS_OK) { status = irq_register(irq, on_interrupt, nullptr); }
    if (status != STATUS_OK) { return status; }
    for (uint32_t id = 0; id < QUEUE_ENTRIES; id++) { virtqueue_offer(&receive_queue, id, BUFFER_BYTES, true); }
    send_free = (1u << QUEUE_ENTRIES) - 1;
    irq_enable(irq);
    virtio_mmio_add_status(base, VIRTIO_STATUS_DRIVER_OK);
    virtqueue_notify(&receive_queue);
    return STATUS_OK;
}

enum status net_init(void) {
    if (!base) { return STATUS_OK; }
    const enum status status = start();
    if (status != STATUS_OK) {
        virtio_mmio_add_status(base, VIRTIO_STATUS_FAILED);
        base = 0;
    }
    return status;
}

void net_close(void) {
    if (base) { mmio_write(base + VIRTIO_STATUS, 0); }
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
    /* The header stays as the pool gave it, zero: no offloads. */
    memcpy(virtqueue_buffer(&send_queue, id) + header_bytes, frame, size);
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
