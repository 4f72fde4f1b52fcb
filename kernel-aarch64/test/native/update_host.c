/* Power cuts in an update, on a medium in memory: `update_host POLICY A B` takes a policy block and two update files. It
 * installs A, then cuts the power at every single sector that the update to B writes, leaves that sector in each of four
 * states, starts again, and checks that what is started is A or B, whole; that an update from there on succeeds; and that
 * a revoked key has stayed so. Prints what it counted. */
#include "lib/mem.h"
#include "update/slots.h"
#include "update/upload.h"
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) ((condition) ? (void)0 : (printf("%s:%d: not so: %s (cut %u, variant %u)\n", __FILE__, __LINE__, #condition, tried, variant), exit(1)))
#define FIRST_SECTOR 8u
#define DISK_BYTES (FIRST_SECTOR * SECTOR_BYTES + SLOT_PARTITION_BYTES)
#define CHUNK 3000u

enum tear : uint32_t { NOTHING, HALF, GARBAGE, WHOLE, TEARS };

uint8_t velocity_policy[POLICY_BYTES];
uint64_t clock_ns(void) { return 1; }

struct file {
    uint8_t *data;
    uint32_t size;
};

static uint8_t disk[DISK_BYTES], installed[DISK_BYTES];
static uint32_t cut; /* the sector write that is cut, from 1; 0: none */
static uint32_t tried, variant; /* for messages: the cut that is looked at */
static uint32_t writes;
static bool dead;
static struct file images[2];

static void tear(uint8_t *sector, const uint8_t *in) {
    switch (variant) {
    case HALF: memcpy(sector, in, SECTOR_BYTES / 2); break;
    case GARBAGE:
        for (uint32_t i = 0; i < SECTOR_BYTES; i++) { sector[i] = (uint8_t)(i * 37 + cut); }
        break;
    case WHOLE: memcpy(sector, in, SECTOR_BYTES); break;
    default: break;
    }
}

static enum status disk_read(void *, uint64_t sector, uint32_t count, void *out) {
    if (dead) { return STATUS_TIMEOUT; }
    memcpy(out, disk + sector * SECTOR_BYTES, count * SECTOR_BYTES);
    return STATUS_OK;
}

static enum status disk_write(void *, uint64_t sector, uint32_t count, const void *in) {
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *at = disk + (sector + i) * SECTOR_BYTES;
        if (dead) { return STATUS_TIMEOUT; }
        dead = ++writes == cut;
        if (dead) {
            tear(at, (const uint8_t *)in + i * SECTOR_BYTES);
            return STATUS_TIMEOUT;
        }
        memcpy(at, (const uint8_t *)in + i * SECTOR_BYTES, SECTOR_BYTES);
    }
    return STATUS_OK;
}

static const struct block_device device = {.read = disk_read, .write = disk_write};

/* A board between two resets. */
static struct store store;
static struct upload upload;
static struct slot_image image;
static uint32_t running;
static uint8_t memory[SLOT_BYTES];
static uint32_t memory_bytes;
static struct refusal refusal;

static void copy(void *, uint32_t offset, const uint8_t *page, uint32_t size) {
    memcpy(memory + offset, page, size);
    memory_bytes = offset + size;
}

static enum status load(void *, uint32_t slot) { return slot_check(&store, slot, copy, nullptr, &image, &refusal); }

static enum status save(const struct key_record records[KEY_RECORDS]) {
    struct slot_record next = store.record;
    memcpy(next.keys, records, sizeof(next.keys));
    return store_write(&store, &next);
}

/* STATUS_OK: an image runs from the slot `running`; STATUS_NO_ENTRY: the one that came with the board. */
static enum status start(void) {
    upload = (struct upload){};
    running = SLOT_NONE;
    enum status status = store_open(&store, &device);
    if (status != STATUS_OK) { return status; }
    keys_keep(store.record.keys, save);
    return slots_choose(&store, load, nullptr, &running);
}

/* The file is padded to whole pages. */
static bool runs(uint32_t i) {
    const uint32_t padded = (memory_bytes + IMAGE_PAGE_BYTES - 1) / IMAGE_PAGE_BYTES * IMAGE_PAGE_BYTES;
    return padded == images[i].size - IMAGE_PAGE_BYTES && memcmp(memory, images[i].data + IMAGE_PAGE_BYTES, memory_bytes) == 0;
}

static enum status send(uint32_t i) {
    struct sha256 hash;
    uint8_t sha[SHA256_BYTES];
    sha256_start(&hash);
    sha256_add(&hash, (struct span){images[i].data, images[i].size});
    sha256_end(&hash, sha);
    enum status status = upload_begin(&upload, &store, running, images[i].size, (struct span){sha, sizeof sha}, &refusal);
    for (uint32_t at = upload.received; status == STATUS_OK && at < images[i].size; at = upload.received) {
        const uint32_t rest = images[i].size - at;
        status = upload_take(&upload, &store, (struct span){}, at, (struct span){images[i].data + at, rest < CHUNK ? rest : CHUNK}, &refusal);
    }
    return status == STATUS_OK ? slots_set_test(&store, upload.slot) : status;
}

/* The whole update: upload, test start, confirmation. The power may go at any write. */
static enum status update_to(uint32_t i) {
    enum status status = send(i);
    if (status == STATUS_OK) { status = start(); }
    return status == STATUS_OK ? slots_confirm(&store, running) : status;
}

static void power_up(void) {
    dead = false;
    writes = 0;
    cut = 0;
}

static void check_after(void) {
    struct key_state key;
    CHECK(start() == STATUS_OK);
    CHECK(runs(0) || runs(1));
    CHECK(keys_at(1, &key) && key.record->revoked == 1);
    /* A test start that nobody confirms ends in the image that was confirmed. */
    for (uint32_t i = 0; i <= TEST_STARTS; i++) { CHECK(start() == STATUS_OK); }
    CHECK(store.record.slots[running].state == SLOT_STATE_CONFIRMED);
    if (runs(0)) { CHECK(update_to(1) == STATUS_OK); }
    CHECK(start() == STATUS_OK && runs(1) && store.record.active == running);
}

/* Where the medium is empty, the image that came with the board is what is left. */
static void check_first_install(const uint8_t *empty, uint32_t total) {
    for (uint32_t at = 1; at <= total; at++) {
        for (variant = 0; variant < TEARS; variant++) {
            memcpy(disk, empty, DISK_BYTES);
            power_up();
            (void)start();
            cut = tried = at;
            (void)update_to(0);
            power_up();
            const enum status status = start();
            CHECK((status == STATUS_OK && runs(0)) || status == STATUS_NO_ENTRY);
            for (uint32_t i = 0; i <= TEST_STARTS; i++) { (void)start(); }
            if (running == SLOT_NONE) { CHECK(update_to(0) == STATUS_OK); }
            CHECK(start() == STATUS_OK && runs(0));
        }
    }
}

static void check_update(uint32_t total) {
    for (uint32_t at = 1; at <= total; at++) {
        for (variant = 0; variant < TEARS; variant++) {
            memcpy(disk, installed, DISK_BYTES);
            power_up();
            CHECK(start() == STATUS_OK && runs(0));
            cut = tried = at;
            CHECK(update_to(1) != STATUS_OK);
            power_up();
            check_after();
        }
    }
}

static struct file read_file(const char *path) {
    static uint8_t room[3][SLOT_BYTES];
    static uint32_t used;
    struct file file = {room[used++], 0};
    FILE *in = fopen(path, "rb");
    if (in == nullptr) { exit(2); }
    file.size = (uint32_t)fread(file.data, 1, SLOT_BYTES, in);
    fclose(in);
    return file;
}

static void partition(void) {
    uint8_t *entry = disk + 446 + 16; /* the second of the four */
    const uint32_t fields[] = {FIRST_SECTOR, SLOT_PARTITION_BYTES / SECTOR_BYTES};
    entry[4] = SLOT_PARTITION_TYPE;
    memcpy(entry + 8, fields, sizeof fields);
    disk[510] = 0x55;
    disk[511] = 0xaa;
}

int main(int argc, char **argv) {
    static uint8_t empty[DISK_BYTES];
    struct key_state key;
    if (argc != 4) { return 2; }
    memcpy(velocity_policy, read_file(argv[1]).data, POLICY_BYTES);
    images[0] = read_file(argv[2]);
    images[1] = read_file(argv[3]);
    partition();
    memcpy(empty, disk, DISK_BYTES);
    CHECK(start() == STATUS_NO_ENTRY && running == SLOT_NONE);
    CHECK(update_to(0) == STATUS_OK && runs(0));
    const uint32_t first = writes;
    CHECK(keys_at(1, &key) && keys_revoke((struct span){key.id, KEY_ID_BYTES}, nullptr, &refusal) == STATUS_OK);
    memcpy(installed, disk, DISK_BYTES);
    power_up();
    CHECK(start() == STATUS_OK && runs(0));
    CHECK(update_to(1) == STATUS_OK && runs(1));
    const uint32_t second = writes;
    check_first_install(empty, first);
    check_update(second);
    printf("%u cuts of a first install and %u of an update, each in %u ways, survived\n", first, second, TEARS);
    return 0;
}
