/* The drivers of virtio's disk and network against the device of virtio_device.c. Prints "ok NAME" or "FAILED NAME" for each
 * check; `virtio_host disk|network VERSION`. */
#include "drivers/virtio_blk.h"
#include "drivers/virtio_mmio.h"
#include "drivers/virtio_net.h"
#include "drivers/virtio_net_start.h"
#include "drivers/virtqueue.h"
#include "irq/irq.h"
#include "lib/irqflags.h"
#include "virtio_device.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512u
#define SECTORS 40u
#define IRQ 48u

static uint32_t version;

enum status fdt_reg(const struct fdt_node *, uint32_t, uint64_t *addr, uint64_t *size_bytes) {
    *addr = DEVICE_BASE;
    *size_bytes = 0x200;
    return STATUS_OK;
}
bool fdt_compatible(const struct fdt_node *, const char *with) { return strcmp(with, "virtio,mmio") == 0; }

static irq_handler interrupt;
static bool irq_enabled, irq_refused;
static uint32_t masked;
uint32_t irq_number(uint32_t parent, struct span, uint32_t i) { return parent == 7 && i == 0 ? IRQ : IRQ_NONE; }
enum status irq_register(uint32_t irq, irq_handler handler, void *) {
    interrupt = handler;
    return irq_refused || irq != IRQ ? STATUS_NO_MEMORY : STATUS_OK;
}
void irq_enable(uint32_t irq) { irq_enabled = irq == IRQ; }
uint64_t irq_save(void) { return masked++; }
void irq_restore(uint64_t flags) { masked = (uint32_t)flags; }

/* The disk. */

static uint8_t disk[SECTORS * SECTOR_BYTES], memory[SECTORS * SECTOR_BYTES];
#define RESULT_NONE 3u
static uint8_t result;
static const struct block_device *device;

struct request {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

/* Requests of one sector up to eight, in three parts (§5.2.6). */
static void serve(uint32_t queue) {
    struct device_part part[3];
    if (device_take(queue, part) != 3 || device_kind.silent) { return; }
    const struct request *request = (const struct request *)part[0].data;
    const bool reads = request->type == 0;
    const bool whole = part[0].len == 16 && !part[0].writable && part[1].writable == reads && part[2].len == 1 && part[2].writable;
    const bool inside = request->sector * SECTOR_BYTES + part[1].len <= sizeof disk;
    if (!whole || !inside || request->type > 1) { exit(3); }
    uint8_t *at = disk + request->sector * SECTOR_BYTES;
    if (result == 0) { memcpy(reads ? part[1].data : at, reads ? at : part[1].data, part[1].len); }
    if (result != RESULT_NONE) { *part[2].data = result; }
    device_give(queue, 1 + (reads ? part[1].len : 0));
}

static void plug_disk(void) {
    device_prepare(version, VIRTIO_ID_BLOCK);
    device_kind.capacity = SECTORS;
    device_notified = serve;
    result = 0;
}

static bool opens(void) {
    virtio_blk_probe(&(const struct fdt_node){});
    device = virtio_blk_open();
    return device != nullptr;
}

static void fill(uint8_t *bytes, uint32_t size, uint8_t seed) {
    for (uint32_t i = 0; i < size; i++) { bytes[i] = (uint8_t)(i * 7 + i / SECTOR_BYTES + seed); }
}

static enum status read(uint64_t sector, uint32_t count) { return device->read(device->cookie, sector, count, memory); }
static enum status write(uint64_t sector, uint32_t count) { return device->write(device->cookie, sector, count, memory); }

/* More requests than the queue has entries, too. */
static bool moves(void) {
    static uint8_t copy[sizeof disk];
    for (uint32_t count = 1; count <= 20; count++) {
        fill(disk, sizeof disk, (uint8_t)count);
        memcpy(copy, disk, sizeof disk);
        memset(memory, 0, sizeof memory);
        if (read(3, count) != STATUS_OK || memcmp(memory, disk + 3 * SECTOR_BYTES, count * SECTOR_BYTES) != 0) { return false; }
        if (memory[count * SECTOR_BYTES] != 0 || write(11, count) != STATUS_OK) { return false; }
        memcpy(copy + 11 * SECTOR_BYTES, memory, count * SECTOR_BYTES);
        if (memcmp(copy, disk, sizeof disk) != 0) { return false; }
    }
    return true;
}

static bool a_disk_keeps_what_is_written(void) {
    plug_disk();
    const bool good = opens() && moves() && !device_wants_interrupts(0);
    return good && device_features(0) == 0 && device_features(1) == (version == 1 ? 0 : 1);
}

static bool what_lies_beyond_its_end_is_not_asked_for(void) {
    bool good = read(SECTORS - 1, 1) == STATUS_OK && read(SECTORS - 2, 2) == STATUS_OK && write(0, SECTORS) == STATUS_OK;
    good = good && read(SECTORS - 1, 2) == STATUS_INVALID_ARGUMENT && read(SECTORS, 1) == STATUS_INVALID_ARGUMENT;
    good = good && write(UINT64_MAX, 2) == STATUS_INVALID_ARGUMENT && read(1ull << 32, 1) == STATUS_INVALID_ARGUMENT;
    plug_disk();
    device_kind.capacity = 1ull << 32;
    return good && opens() && read(SECTORS - 1, 1) == STATUS_OK && moves();
}

static bool an_error_of_it_is_told_of(void) {
    for (uint8_t error = 1; error <= RESULT_NONE; error++) {
        result = error;
        if (read(0, 1) != STATUS_CORRUPT || write(0, 9) != STATUS_CORRUPT) { return false; }
        result = 0;
        if (!moves()) { return false; }
    }
    return true;
}

static bool what_it_says_of_other_buffers_is_passed_over(void) {
    device_kind.babbles = true;
    const bool good = moves();
    device_kind.babbles = false;
    return good && moves();
}

/* Memory that it may still write is another's after the next start. */
static bool one_that_is_not_heard_of_again_is_reset_and_left_alone(void) {
    device_kind.silent = true;
    const bool told = write(0, 1) == STATUS_TIMEOUT && device_status() == 0;
    device_kind.silent = false;
    return told && read(0, 1) == STATUS_TIMEOUT && virtio_blk_open() == nullptr;
}

static bool is_given_up(void) {
    const bool failed = !opens() && (device_status() & VIRTIO_STATUS_FAILED);
    plug_disk();
    return failed && opens() && moves();
}

static bool one_that_cannot_be_driven_is_given_up(void) {
    bool good = true;
    plug_disk();
    device_kind.queue_max[0] = QUEUE_ENTRIES - 1;
    good = good && is_given_up();
    plug_disk();
    pool_left_bytes = 4096;
    good = good && is_given_up();
    plug_disk();
    device_kind.wants_more = version != 1;
    return good && (version == 1 ? opens() : is_given_up());
}

static bool it_forgets_its_memory_when_it_is_closed(void) {
    virtio_blk_close();
    return device_status() == 0;
}

static bool finds(uint32_t magic, uint32_t as, uint32_t id) {
    bool legacy = version != 1;
    device_prepare(as, id);
    device_kind.magic = magic;
    return virtio_mmio_find(&(const struct fdt_node){}, VIRTIO_ID_BLOCK, &legacy) == DEVICE_BASE && legacy == (as == 1);
}

static bool other_devices_are_left_alone(void) {
    const uint32_t magic = VIRTIO_MAGIC_VALUE;
    const bool none = !finds(magic, version, 0) && !finds(magic, version, VIRTIO_ID_NET) && !finds(magic + 1, version, VIRTIO_ID_BLOCK);
    return none && !finds(magic, 0, VIRTIO_ID_BLOCK) && !finds(magic, 3, VIRTIO_ID_BLOCK) && finds(magic, version, VIRTIO_ID_BLOCK);
}

/* The network. */

#define HEADER_BYTES (version == 1 ? 10u : 12u)
static uint8_t sent[2048], got[2048];
static uint8_t got_first[2 * QUEUE_ENTRIES]; /* byte of the latest frames */
static uint32_t sent_bytes, sent_count, got_bytes, got_count;
static bool holds_back;

/* What is sent, one frame at a time. */
static void transmit(uint32_t queue) {
    struct device_part part[3];
    if (queue != 1 || holds_back) { return; }
    while (device_take(1, part) == 1) {
        if (part[0].writable || masked != 1) { exit(4); }
        sent_bytes = part[0].len;
        memcpy(sent, part[0].data, sent_bytes);
        sent_count++;
        device_give(1, 0);
    }
}

static void on_frame(uint8_t *frame, uint32_t size) {
    memcpy(got, frame, size);
    got_bytes = size;
    got_first[got_count++ % sizeof got_first] = frame[0];
}

/* A frame of this size, header included, reaches the board; true when there was a buffer for it. */
static bool arrives(uint32_t size, uint8_t seed) {
    struct device_part part[3];
    if (device_take(0, part) != 1 || !part[0].writable || part[0].len < size) { return false; }
    memset(part[0].data, 0, HEADER_BYTES);
    fill(part[0].data + HEADER_BYTES, part[0].len - HEADER_BYTES, seed);
    device_give(0, size);
    return true;
}

static void plug_network(void) {
    device_prepare(version, VIRTIO_ID_NET);
    device_notified = transmit;
    irq_enabled = irq_refused = holds_back = false;
    net_on_receive(on_frame);
    net_probe(&(const struct fdt_node){.interrupt_parent = 7});
}

static bool frames_come_with_each_interrupt_and_their_buffers_are_used_again(void) {
    plug_network();
    if (net_init() != STATUS_OK || !net_present() || !irq_enabled) { return false; }
    static uint8_t expected[2048];
    for (uint32_t i = 0; i < 3 * QUEUE_ENTRIES; i++) {
        const uint32_t size = 14 + 47 * i % 1500;
        const uint32_t before = got_count;
        fill(expected, size, (uint8_t)i);
        const uint32_t told = device_doorbells[0];
        if (!arrives(HEADER_BYTES + size, (uint8_t)i)) { return false; }
        interrupt(nullptr);
        if (device_doorbells[0] == told) { return false; }
        if (got_count != before + 1 || got_bytes != size || memcmp(got, expected, size) != 0 || device_interrupt != 0) { return false; }
    }
    return device_features(0) == (version == 1 ? VIRTIO_F_ANY_LAYOUT : 0);
}

static bool as_many_frames_as_the_queue_holds_come_with_one_interrupt(void) {
    const uint32_t before = got_count;
    for (uint32_t i = 0; i < QUEUE_ENTRIES; i++) {
        if (!arrives(100, (uint8_t)i)) { return false; }
    }
    bool good = !arrives(100, 0);
    interrupt(nullptr);
    for (uint32_t i = 0; i < QUEUE_ENTRIES; i++) { good = good && got_first[(before + i) % sizeof got_first] == i; }
    return good && got_count == before + QUEUE_ENTRIES;
}

static bool what_is_no_frame_is_dropped(void) {
    const uint32_t before = got_count;
    bool good = true;
    for (uint32_t size = 0; size < HEADER_BYTES + 14; size++) {
        good = good && arrives(size, 0);
        interrupt(nullptr);
    }
    device_kind.babbles = true;
    good = good && got_count == before && arrives(HEADER_BYTES + 14, 0);
    interrupt(nullptr);
    device_kind.babbles = false;
    good = good && got_count == before + 1;
    net_on_receive(nullptr);
    good = good && arrives(100, 0);
    interrupt(nullptr);
    net_on_receive(on_frame);
    return good && got_count == before + 1;
}

static bool sends(uint32_t size) {
    const uint32_t before = sent_count;
    fill(memory, size, (uint8_t)size);
    if (net_send(memory, size) != STATUS_OK || sent_count != before + 1 || sent_bytes != HEADER_BYTES + size) { return false; }
    for (uint32_t i = 0; i < HEADER_BYTES; i++) {
        if (sent[i] != 0) { return false; } /* no offloads */
    }
    return memcmp(sent + HEADER_BYTES, memory, size) == 0 && masked == 0;
}

static bool frames_are_sent_behind_an_empty_header(void) {
    bool good = true;
    for (uint32_t size = 14; size <= NET_FRAME_MAX_BYTES; size += 25) { good = good && sends(size); }
    const bool refused = net_send(memory, 13) == STATUS_INVALID_ARGUMENT && net_send(memory, NET_FRAME_MAX_BYTES + 1) == STATUS_INVALID_ARGUMENT;
    return good && refused && sends(14) && sends(NET_FRAME_MAX_BYTES);
}

static bool fills_and_empties_the_queue(void) {
    holds_back = true;
    for (uint32_t i = 0; i < QUEUE_ENTRIES; i++) {
        if (net_send(memory, 60) != STATUS_OK) { return false; }
    }
    const bool refused = net_send(memory, 60) == STATUS_BUSY && masked == 0;
    const uint32_t before = sent_count;
    masked = 1;
    holds_back = false;
    transmit(1);
    masked = 0;
    return refused && sent_count == before + QUEUE_ENTRIES && sends(60);
}

static bool a_full_queue_refuses_until_frames_have_left(void) {
    return fills_and_empties_the_queue() && fills_and_empties_the_queue();
}

static bool the_network_forgets_its_memory_when_it_is_closed(void) {
    net_close();
    return device_status() == 0;
}

static bool gives_up(void) { return net_init() != STATUS_OK && !net_present() && (device_status() & VIRTIO_STATUS_FAILED); }

static bool one_that_cannot_be_used_is_given_up(void) {
    bool good = true;
    for (uint32_t queue = 0; queue < 2; queue++) {
        plug_network();
        device_kind.queue_max[queue] = QUEUE_ENTRIES - 1;
        good = good && gives_up();
    }
    plug_network();
    irq_refused = true;
    good = good && gives_up() && net_send(memory, 60) == STATUS_NOT_SUPPORTED;
    return good && net_init() == STATUS_OK; /* there is none */
}

#define TELL(name) printf("%s " #name "\n", name() ? "ok" : "FAILED")

int main(int argc, char **argv) {
    if (argc != 3) { return 2; }
    version = (uint32_t)atoi(argv[2]);
    if (strcmp(argv[1], "disk") == 0) {
        TELL(a_disk_keeps_what_is_written);
        TELL(what_lies_beyond_its_end_is_not_asked_for);
        TELL(an_error_of_it_is_told_of);
        TELL(what_it_says_of_other_buffers_is_passed_over);
        TELL(one_that_is_not_heard_of_again_is_reset_and_left_alone);
        TELL(one_that_cannot_be_driven_is_given_up);
        TELL(it_forgets_its_memory_when_it_is_closed);
        TELL(other_devices_are_left_alone);
        return 0;
    }
    TELL(frames_come_with_each_interrupt_and_their_buffers_are_used_again);
    TELL(as_many_frames_as_the_queue_holds_come_with_one_interrupt);
    TELL(what_is_no_frame_is_dropped);
    TELL(frames_are_sent_behind_an_empty_header);
    TELL(a_full_queue_refuses_until_frames_have_left);
    TELL(the_network_forgets_its_memory_when_it_is_closed);
    TELL(one_that_cannot_be_used_is_given_up);
    return 0;
}
