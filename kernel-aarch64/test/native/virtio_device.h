#pragma once
/* A virtio device over MMIO as a driver meets it (Virtual I/O Device 1.2, §2.7, §4.2), with memory that is as late as it may be:
 * of what the driver wrote the device sees an index at once, and all else as it was at the last barrier; of what the device wrote
 * the driver sees an index at once, and all else from its next barrier on. */

#include <stdint.h>

#define DEVICE_BASE 0x1000u
#define DEVICE_QUEUES 2u

/* What it is. */
extern struct device_kind {
    uint32_t magic, version, id;
    uint32_t features;                  /* low word; of the present interface the high one has VERSION_1 alone */
    uint32_t queue_max[DEVICE_QUEUES];
    uint64_t capacity;
    bool wants_more;                    /* and does not take what it is offered */
    bool silent;                        /* takes requests, and is not heard of again */
    bool babbles;                       /* tells of buffers that there are not, before each one that there is */
} device_kind;

/* Plugs in a device of this kind, after nothing or another; version 1 is the legacy interface. */
void device_prepare(uint32_t version, uint32_t id);

/* Everything that a device reads and writes of a chain of descriptors. */
struct device_part {
    uint8_t *data;
    uint32_t len;
    bool writable;
};

/* The next buffer that the driver offers, in up to three parts; how many, 0 when there is none. */
[[nodiscard]] uint32_t device_take(uint32_t queue, struct device_part parts[3]);

/* Gives back the one that was taken last. */
void device_give(uint32_t queue, uint32_t len);

/* Called with the number of the queue at each notification. */
extern void (*device_notified)(uint32_t queue);

[[nodiscard]] uint32_t device_status(void);
[[nodiscard]] bool device_wants_interrupts(uint32_t queue);
[[nodiscard]] uint32_t device_features(uint32_t word); /* that the driver took */
extern uint32_t device_interrupt; /* bits of the interrupt status */
extern uint32_t device_doorbells[DEVICE_QUEUES];

/* Memory that pool_alloc() gives from now on; then it is full. */
extern uint32_t pool_left_bytes;
