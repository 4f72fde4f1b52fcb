#include "update_board.h"
#include "lib/mem.h"

#define CHUNK 3000u
#define RECORDS_SECTORS 16u /* before the first slot */
#define UNREADABLE_BYTE 0xbd /* fills such a sector, so that it is one wherever the disk is copied to */

uint8_t velocity_policy[POLICY_BYTES];
uint64_t clock_ns(void) { return 1; }

uint8_t disk[DISK_BYTES];
uint32_t cut, writes, tried;
enum tear variant;
bool dead, cut_a_record;
struct file images[2];
struct store store;
uint32_t running;

static struct upload upload;
static struct slot_image image;
static uint8_t memory[SLOT_BYTES];
static uint32_t memory_bytes;
static struct refusal refusal;

void disk_tear(uint64_t sector, const uint8_t *in, enum tear how) {
    uint8_t *at = disk + sector * SECTOR_BYTES;
    switch (how) {
    case HALF: memcpy(at, in, SECTOR_BYTES / 2); break;
    case GARBAGE:
        for (uint32_t i = 0; i < SECTOR_BYTES; i++) { at[i] = (uint8_t)(i * 37 + sector); }
        break;
    case WHOLE: memcpy(at, in, SECTOR_BYTES); break;
    case UNREADABLE: memset(at, UNREADABLE_BYTE, SECTOR_BYTES); break;
    default: break;
    }
}

bool disk_get(uint64_t sector, void *out) {
    const uint8_t *at = disk + sector * SECTOR_BYTES;
    memcpy(out, at, SECTOR_BYTES);
    for (uint32_t i = 0; i < SECTOR_BYTES; i++) {
        if (at[i] != UNREADABLE_BYTE) { return true; }
    }
    return false;
}

enum status disk_put(uint64_t sector, const uint8_t *in) {
    CHECK(sector < DISK_BYTES / SECTOR_BYTES);
    const bool in_record = sector < store.first + RECORDS_SECTORS;
    const bool succeeds = ++writes != cut || (variant == LOST && in_record);
    if (writes == cut) { cut_a_record = in_record; }
    disk_tear(sector, in, succeeds ? WHOLE : variant);
    if (succeeds || variant == LOST) { return STATUS_OK; }
    dead = variant != REFUSED;
    return dead ? STATUS_TIMEOUT : STATUS_CORRUPT;
}

void power_up(void) {
    dead = false;
    writes = 0;
    cut = 0;
}

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

enum status start(void) {
    upload = (struct upload){};
    running = SLOT_NONE;
    const struct block_device *device = medium_open();
    if (device == nullptr) { return STATUS_NO_STORAGE; }
    const enum status status = store_open(&store, device);
    if (status != STATUS_OK) { return status; }
    keys_keep(store.record.keys, save);
    return slots_choose(&store, load, nullptr, &running);
}

bool slots_are_whole(void) {
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        const uint32_t state = store.record.slots[slot].state;
        const bool holds = state == SLOT_STATE_LOADED || state == SLOT_STATE_TEST || state == SLOT_STATE_CONFIRMED;
        if (holds && slot_check(&store, slot, nullptr, nullptr, &image, &refusal) != STATUS_OK) { return false; }
    }
    return true;
}

/* The file is padded to whole pages. */
bool runs(uint32_t i) {
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
        const struct span data = {images[i].data + at, rest < CHUNK ? rest : CHUNK};
        status = upload_take(&upload, &store, (struct span){}, at, data, &refusal);
    }
    CHECK(dead || slots_are_whole());
    return status == STATUS_OK ? slots_set_test(&store, upload.slot) : status;
}

enum status update_to(uint32_t i) {
    enum status status = send(i);
    if (status == STATUS_OK) { status = start(); }
    return status == STATUS_OK ? slots_confirm(&store, running) : status;
}

struct file read_file(const char *path) {
    alignas(8) static uint8_t room[5][DISK_BYTES];
    static uint32_t used;
    struct file file = {room[used++], 0};
    FILE *in = fopen(path, "rb");
    if (in == nullptr) { exit(2); }
    file.size = (uint32_t)fread(file.data, 1, DISK_BYTES, in);
    fclose(in);
    return file;
}

void read_policy(const char *path) { memcpy(velocity_policy, read_file(path).data, POLICY_BYTES); }
