#include "drivers/virtio_blk.h"
#include "drivers/virtio_mmio.h"
#include "drivers/virtqueue.h"
#include "lib/barrier.h"
#include "lib/deadline.h"
#include "lib/mem.h"
#include "lib/mmio.h"
#include <stddef.h>

#define SECTOR_BYTES 512u
#define SECTORS_AT_ONCE 8u
#define TIMEOUT_US 2'000'000u

/* Requests and results (§5.2.6). */
#define REQUEST_READ 0u
#define REQUEST_WRITE 1u
#define RESULT_OK 0u
#define CONFIG_CAPACITY 0x100u /* in sectors, u64le (§4.2.2, §5.2.4) */

struct request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
    uint8_t result;
    alignas(16) uint8_t data[SECTORS_AT_ONCE * SECTOR_BYTES];
};

static uint64_t base; /* 0: no device */
static bool legacy;
static uint64_t capacity;
static struct virtqueue queue;

void virtio_blk_probe(const struct fdt_node *node) {
    if (base == 0) { base = virtio_mmio_find(node, VIRTIO_ID_BLOCK, &legacy); }
}

/* The queue's own buffers are where the parts of a request lie: the pool is in the identity mapping. */
static struct request *request_of(void) { return (struct request *)(void *)virtqueue_buffer(&queue, 0); }

static bool wait(void) {
    const uint64_t deadline = deadline_in_us(TIMEOUT_US);
    uint32_t id, len;
    while (!virtqueue_take(&queue, &id, &len)) {
        if (is_past(deadline)) { return false; }
    }
    return true;
}

static enum status run(uint32_t type, uint64_t sector, uint32_t count) {
    struct request *request = request_of();
    if (base == 0) { return STATUS_TIMEOUT; }
    if (sector >= capacity || count > capacity - sector) { return STATUS_INVALID_ARGUMENT; }
    request->type = type;
    request->reserved = 0;
    request->sector = sector;
    request->result = 0xff;
    const struct virtqueue_part parts[] = {
        {request, offsetof(struct request, result), false},
        {request->data, count * SECTOR_BYTES, type == REQUEST_READ},
        {&request->result, 1, true},
    };
    virtqueue_offer_parts(&queue, parts, 3);
    virtqueue_notify(&queue);
    if (!wait()) {
        virtio_blk_close(); /* it could write later, into what is another image's then */
        base = 0;
        return STATUS_TIMEOUT;
    }
    return request->result == RESULT_OK ? STATUS_OK : STATUS_CORRUPT;
}

static uint32_t portion(uint32_t left) { return left < SECTORS_AT_ONCE ? left : SECTORS_AT_ONCE; }

static enum status read(void *, uint64_t sector, uint32_t count, void *out) {
    uint8_t *to = out;
    for (uint32_t n; count > 0; count -= n, sector += n, to += n * SECTOR_BYTES) {
        n = portion(count);
        const enum status status = run(REQUEST_READ, sector, n);
        if (status != STATUS_OK) { return status; }
        memcpy(to, request_of()->data, n * SECTOR_BYTES);
    }
    return STATUS_OK;
}

/* Without the feature VIRTIO_BLK_F_FLUSH a completed write is a lasting one (§5.2.6.2). */
static enum status write(void *, uint64_t sector, uint32_t count, const void *in) {
    const uint8_t *from = in;
    for (uint32_t n; count > 0; count -= n, sector += n, from += n * SECTOR_BYTES) {
        n = portion(count);
        memcpy(request_of()->data, from, n * SECTOR_BYTES);
        const enum status status = run(REQUEST_WRITE, sector, n);
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}

const struct block_device *virtio_blk_open(void) {
    static const struct block_device device = {.read = read, .write = write};
    if (base == 0) { return nullptr; }
    enum status status = virtio_mmio_negotiate(base, legacy, 0);
    if (status == STATUS_OK) { status = virtqueue_init(&queue, base, legacy, 0, sizeof(struct request)); }
    if (status != STATUS_OK) {
        virtio_mmio_add_status(base, VIRTIO_STATUS_FAILED);
        base = 0;
        return nullptr;
    }
    virtqueue_without_interrupts(&queue);
    virtio_mmio_add_status(base, VIRTIO_STATUS_DRIVER_OK);
    capacity = mmio_read(base + CONFIG_CAPACITY) | (uint64_t)mmio_read(base + CONFIG_CAPACITY + 4) << 32;
    return &device;
}

void virtio_blk_close(void) {
    if (base != 0) { mmio_write(base + VIRTIO_STATUS, 0); }
}
