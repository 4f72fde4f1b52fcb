#include "drivers/virtqueue.h"
#include "drivers/virtio_mmio.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "mm/pool.h"
#include <stddef.h>

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_DEVICE_WRITES 2u
#define AVAIL_NO_INTERRUPT 1u
#define LEGACY_PAGE_BYTES 4096u

static void write_addr(uint64_t reg, const void *addr) {
    mmio_write(reg, (uint32_t)(uintptr_t)addr);
    mmio_write(reg + 4, (uint32_t)((uint64_t)(uintptr_t)addr >> 32));
}

/* The pool lies in the identity mapping: addresses are those that the device uses. */
enum status virtqueue_init(struct virtqueue *queue, uint64_t base, bool legacy, uint32_t index, uint32_t buffer_bytes) {
    *queue = (struct virtqueue){.base = base, .index = index, .buffer_bytes = buffer_bytes};
    mmio_write(base + VIRTIO_QUEUE_SEL, index);
    if (mmio_read(base + VIRTIO_QUEUE_NUM_MAX) < QUEUE_ENTRIES) { return STATUS_NOT_SUPPORTED; }
    void *memory;
    void *buffers;
    enum status status = pool_alloc(sizeof(struct virtqueue_memory), LEGACY_PAGE_BYTES, &memory);
    if (status == STATUS_OK) { status = pool_alloc(QUEUE_ENTRIES * buffer_bytes, 64, &buffers); }
    if (status != STATUS_OK) { return status; }
    queue->memory = memory;
    queue->buffers = buffers;
    mmio_write(base + VIRTIO_QUEUE_NUM, QUEUE_ENTRIES);
    if (legacy) {
        mmio_write(base + VIRTIO_LEGACY_QUEUE_ALIGN, LEGACY_PAGE_BYTES);
        mmio_write(base + VIRTIO_LEGACY_QUEUE_PFN, (uint32_t)((uintptr_t)memory / LEGACY_PAGE_BYTES));
        return STATUS_OK;
    }
    write_addr(base + VIRTIO_QUEUE_DESC, queue->memory->descriptor);
    write_addr(base + VIRTIO_QUEUE_DRIVER, &queue->memory->avail_flags);
    write_addr(base + VIRTIO_QUEUE_DEVICE, &queue->memory->used);
    mmio_write(base + VIRTIO_QUEUE_READY, 1);
    return STATUS_OK;
}

uint8_t *virtqueue_buffer(const struct virtqueue *queue, uint32_t id) {
    return queue->buffers + id * queue->buffer_bytes;
}

static void publish(struct virtqueue_memory *memory, uint32_t id) {
    memory->avail_ring[memory->avail_idx % QUEUE_ENTRIES] = (uint16_t)id;
    barrier_dmb(); /* the device must find the entry when it sees the index (§2.7.13.3.1) */
    __atomic_store_n(&memory->avail_idx, (uint16_t)(memory->avail_idx + 1), __ATOMIC_RELAXED);
}

void virtqueue_offer(struct virtqueue *queue, uint32_t id, uint32_t len, bool device_writes) {
    struct virtqueue_memory *memory = queue->memory;
    memory->descriptor[id] = (struct virtqueue_descriptor){
        .addr = (uintptr_t)virtqueue_buffer(queue, id),
        .len = len,
        .flags = device_writes ? DESCRIPTOR_DEVICE_WRITES : 0,
    };
    publish(memory, id);
}

void virtqueue_offer_parts(struct virtqueue *queue, const struct virtqueue_part *parts, uint32_t count) {
    struct virtqueue_memory *memory = queue->memory;
    for (uint32_t i = 0; i < count; i++) {
        const bool more = i + 1 < count;
        memory->descriptor[i] = (struct virtqueue_descriptor){
            .addr = (uintptr_t)parts[i].data,
            .len = parts[i].len,
            .flags = (parts[i].device_writes ? DESCRIPTOR_DEVICE_WRITES : 0) | (more ? DESCRIPTOR_NEXT : 0),
            .next = more ? (uint16_t)(i + 1) : 0,
        };
    }
    publish(memory, 0);
}

void virtqueue_without_interrupts(struct virtqueue *queue) { queue->memory->avail_flags = AVAIL_NO_INTERRUPT; }

bool virtqueue_take(struct virtqueue *queue, uint32_t *id, uint32_t *len) {
    struct virtqueue_used *used = &queue->memory->used;
    while (__atomic_load_n(&used->idx, __ATOMIC_RELAXED) != queue->used_seen) {
        barrier_dmb(); /* the entry is read after the index that announced it */
        *id = used->ring[queue->used_seen % QUEUE_ENTRIES].id;
        *len = used->ring[queue->used_seen % QUEUE_ENTRIES].len;
        queue->used_seen++;
        if (*id < QUEUE_ENTRIES && *len <= queue->buffer_bytes) { return true; } /* else the device is wrong: skip it */
    }
    return false;
}

void virtqueue_notify(const struct virtqueue *queue) {
    barrier_dsb(); /* ring before doorbell */
    mmio_write(queue->base + VIRTIO_QUEUE_NOTIFY, queue->index);
}
