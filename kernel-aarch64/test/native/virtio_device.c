#include "virtio_device.h"
#include "drivers/virtio_mmio.h"
#include "drivers/virtqueue.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"
#include "mm/pool.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Page numbers of the legacy interface have 32 bits, addresses of the present one more. */
#define LEGACY_MEMORY_AT 0x30000000ull
#define MEMORY_AT (is_legacy() ? LEGACY_MEMORY_AT : 0x200000000000ull)
#define MEMORY_BYTES 0x100000u
#define ENTRY_NEXT 1u
#define ENTRY_WRITABLE 2u
#define DRIVER_READY (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK)

struct device_kind device_kind;
void (*device_notified)(uint32_t queue);
uint32_t device_interrupt, device_doorbells[DEVICE_QUEUES];
uint32_t pool_left_bytes;

static uint32_t status, queue_selected, driver_features[2], features_selected[2];
static uint32_t registers[DEVICE_QUEUES][0x100 / 4]; /* those of each queue */
static uint16_t taken[DEVICE_QUEUES], given[DEVICE_QUEUES];
static uint32_t head[DEVICE_QUEUES];
static struct virtqueue_used late[DEVICE_QUEUES]; /* what the driver is to see after its next barrier */
static uint8_t seen[MEMORY_BYTES]; /* as the device sees it */
static uint32_t used_bytes;
static bool at_doorbell; /* what was written before it is ordered by barriers alone */

static uint64_t now;
uint64_t model_cntvct_el0(void) { return ++now; }
uint64_t model_cntfrq_el0(void) { return 10'000; } /* slow, so that no wait here is long */

static bool is_legacy(void) { return device_kind.version == 1; }

static void map_memory(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap((void *)MEMORY_AT, MEMORY_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != (void *)MEMORY_AT) { exit(2); }
}

void device_prepare(uint32_t version, uint32_t id) {
    device_kind = (struct device_kind){.magic = VIRTIO_MAGIC_VALUE, .version = version, .id = id, .features = UINT32_MAX,
                                       .queue_max = {QUEUE_ENTRIES, QUEUE_ENTRIES}};
    device_notified = nullptr;
    status = device_interrupt = used_bytes = 0;
    pool_left_bytes = MEMORY_BYTES;
    map_memory();
}

enum status pool_alloc(uint32_t size_bytes, uint32_t align, void **out) {
    const uint32_t at = (used_bytes + align - 1) & ~(align - 1);
    if (size_bytes > pool_left_bytes) { return STATUS_POOL_FULL; }
    pool_left_bytes -= size_bytes;
    used_bytes = at + size_bytes;
    *out = (void *)(MEMORY_AT + at);
    return STATUS_OK;
}

enum status map_device(uint64_t, uint64_t) { return STATUS_OK; }

static uint64_t address(uint32_t queue, uint32_t reg) { return registers[queue][reg / 4] | (uint64_t)registers[queue][reg / 4 + 1] << 32; }

static uint64_t descriptors(uint32_t queue) {
    return is_legacy() ? registers[queue][VIRTIO_LEGACY_QUEUE_PFN / 4] * 4096ull : address(queue, VIRTIO_QUEUE_DESC);
}
static uint64_t available(uint32_t queue) {
    return is_legacy() ? descriptors(queue) + QUEUE_ENTRIES * 16 : address(queue, VIRTIO_QUEUE_DRIVER);
}
/* Legacy: after what is available, at the next multiple of the alignment (§2.7.2). */
static uint64_t used(uint32_t queue) {
    return is_legacy() ? (available(queue) + 6 + 2 * QUEUE_ENTRIES + 4095) & ~4095ull : address(queue, VIRTIO_QUEUE_DEVICE);
}

/* Only of a queue that the device was told of, while the driver is ready. */
static bool works(uint32_t queue) {
    const bool told = is_legacy() ? registers[queue][VIRTIO_LEGACY_QUEUE_PFN / 4] != 0 && registers[0][VIRTIO_LEGACY_PAGE_SIZE / 4] == 4096 &&
                                        registers[queue][VIRTIO_LEGACY_QUEUE_ALIGN / 4] == 4096
                                  : registers[queue][VIRTIO_QUEUE_READY / 4] == 1;
    const uint32_t wanted = is_legacy() ? DRIVER_READY : DRIVER_READY | VIRTIO_STATUS_FEATURES_OK;
    return told && status == wanted && registers[queue][VIRTIO_QUEUE_NUM / 4] == QUEUE_ENTRIES;
}

static const void *seen_at(uint64_t addr) { return seen + (addr - MEMORY_AT); }

static void notify(uint32_t queue) {
    if (device_notified && works(queue)) { device_notified(queue); }
}

/* Who looks for what is offered without being told finds an index that is ahead of all else. */
static void order(void) {
    for (uint32_t queue = 0; queue < DEVICE_QUEUES; queue++) { notify(queue); }
    memcpy(seen, (void *)MEMORY_AT, MEMORY_BYTES);
    for (uint32_t queue = 0; queue < DEVICE_QUEUES; queue++) {
        if (works(queue)) { memcpy((void *)(used(queue) + 4), late[queue].ring, sizeof late[queue].ring); }
    }
}

void barrier_dmb(void) { order(); }
void barrier_dsb(void) { order(); }

uint32_t device_take(uint32_t queue, struct device_part parts[3]) {
    if (!works(queue)) { return 0; }
    const uint16_t *ring = seen_at(available(queue));
    const uint16_t index = at_doorbell ? ring[1] : ((const uint16_t *)available(queue))[1];
    if (index == taken[queue]) { return 0; }
    head[queue] = ring[2 + taken[queue]++ % QUEUE_ENTRIES];
    const struct virtqueue_descriptor *table = seen_at(descriptors(queue));
    uint32_t count = 0;
    for (uint32_t at = head[queue];; at = table[at].next) {
        parts[count++] = (struct device_part){(uint8_t *)table[at].addr, table[at].len, table[at].flags & ENTRY_WRITABLE};
        if (count == 3 || (table[at].flags & ENTRY_NEXT) == 0) { return count; }
    }
}

static void put_used(uint32_t queue, uint32_t id, uint32_t len) {
    late[queue].ring[given[queue] % QUEUE_ENTRIES].id = id;
    late[queue].ring[given[queue] % QUEUE_ENTRIES].len = len;
    given[queue]++;
}

void device_give(uint32_t queue, uint32_t len) {
    if (device_kind.babbles) {
        put_used(queue, QUEUE_ENTRIES, len);
        put_used(queue, head[queue], UINT32_MAX);
    }
    put_used(queue, head[queue], len);
    ((uint16_t *)used(queue))[1] = given[queue];
    device_interrupt |= 1;
}

uint32_t device_status(void) { return status; }

bool device_wants_interrupts(uint32_t queue) { return (*(const uint16_t *)available(queue) & 1) == 0; }

static void set_status(uint32_t value) {
    status = value;
    if (device_kind.wants_more) { status &= ~VIRTIO_STATUS_FEATURES_OK; }
    if (value != 0) { return; }
    memset(registers, 0, sizeof registers);
    memset(driver_features, 0, sizeof driver_features);
    memset(taken, 0, sizeof taken);
    memset(given, 0, sizeof given);
    memset(late, 0, sizeof late);
}

uint32_t mmio_read(uint64_t addr) {
    switch (addr - DEVICE_BASE) {
    case VIRTIO_MAGIC: return device_kind.magic;
    case VIRTIO_VERSION: return device_kind.version;
    case VIRTIO_DEVICE_ID: return device_kind.id;
    case VIRTIO_DEVICE_FEATURES: return features_selected[0] == 0 ? device_kind.features : 1;
    case VIRTIO_QUEUE_NUM_MAX: return queue_selected < DEVICE_QUEUES ? device_kind.queue_max[queue_selected] : 0;
    case VIRTIO_INTERRUPT_STATUS: return device_interrupt;
    case VIRTIO_STATUS: return status;
    case 0x100: return (uint32_t)device_kind.capacity;
    case 0x104: return (uint32_t)(device_kind.capacity >> 32);
    default: return 0;
    }
}

void mmio_write(uint64_t addr, uint32_t value) {
    const uint32_t offset = (uint32_t)(addr - DEVICE_BASE);
    switch (offset) {
    case VIRTIO_DEVICE_FEATURES_SEL: features_selected[0] = value; break;
    case VIRTIO_DRIVER_FEATURES_SEL: features_selected[1] = value; break;
    case VIRTIO_DRIVER_FEATURES: driver_features[features_selected[1]] = value; break;
    case VIRTIO_QUEUE_SEL: queue_selected = value; break;
    case VIRTIO_QUEUE_NOTIFY:
        device_doorbells[value]++;
        at_doorbell = true;
        notify(value);
        at_doorbell = false;
        break;
    case VIRTIO_INTERRUPT_ACK: device_interrupt &= ~value; break;
    case VIRTIO_STATUS: set_status(value); break;
    default: registers[queue_selected][offset / 4] = value; break;
    }
}

uint32_t device_features(uint32_t word) { return driver_features[word]; }
