#pragma once
/* A split virtqueue (Virtual I/O Device 1.2, §2.7) over MMIO (§4.2): of one-descriptor buffers, or of one request in parts. */

#include "gen/abi_status.h"
#include <stdint.h>

#define QUEUE_ENTRIES 16u

struct virtqueue_descriptor {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

struct virtqueue_used {
    uint16_t flags;
    uint16_t idx;
    struct {
        uint32_t id;
        uint32_t len;
    } ring[QUEUE_ENTRIES];
};

/* The layout that the legacy interface prescribes (§2.7.2) suits the present one too. */
struct virtqueue_memory {
    struct virtqueue_descriptor descriptor[QUEUE_ENTRIES];
    uint16_t avail_flags;
    uint16_t avail_idx;
    uint16_t avail_ring[QUEUE_ENTRIES];
    uint16_t used_event;
    alignas(4096) struct virtqueue_used used;
};

struct virtqueue {
    uint64_t base; /* of the device's registers */
    uint32_t index;
    struct virtqueue_memory *memory;
    uint8_t *buffers; /* QUEUE_ENTRIES of buffer_bytes */
    uint32_t buffer_bytes;
    uint16_t used_seen;
};

/* Takes memory from the pool and tells the device. STATUS_NOT_SUPPORTED: the device has no such queue or a smaller one.
 * STATUS_POOL_FULL. Core 0. */
[[nodiscard]] enum status virtqueue_init(struct virtqueue *queue, uint64_t base, bool legacy, uint32_t index,
                                         uint32_t buffer_bytes);

[[nodiscard]] uint8_t *virtqueue_buffer(const struct virtqueue *queue, uint32_t id);

/* Offers a buffer to the device: to write into, or to read `len` bytes from. */
void virtqueue_offer(struct virtqueue *queue, uint32_t id, uint32_t len, bool device_writes);

/* A request of several parts, which may lie anywhere in the identity mapping. Only while nothing else is offered. */
struct virtqueue_part {
    const volatile void *data;
    uint32_t len;
    bool device_writes;
};
void virtqueue_offer_parts(struct virtqueue *queue, const struct virtqueue_part *parts, uint32_t count);

/* For a queue that is polled. */
void virtqueue_without_interrupts(struct virtqueue *queue);

/* The next buffer that the device is done with; false when there is none. */
[[nodiscard]] bool virtqueue_take(struct virtqueue *queue, uint32_t *id, uint32_t *len);

void virtqueue_notify(const struct virtqueue *queue);
