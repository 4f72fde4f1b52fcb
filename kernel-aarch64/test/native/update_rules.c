/* What an upload, a record and a medium have to be, each up to its edge. Part of update_host, on an empty medium. */
#include "update_board.h"
#include "lib/crc32.h"
#include "lib/mem.h"
#include <stddef.h>

static struct upload upload;
static struct refusal refusal;
static uint8_t sha[SHA256_BYTES];

static struct span sha_of(const struct file *file) {
    sha256((struct span){file->data, file->size}, sha);
    return (struct span){sha, sizeof sha};
}

static enum status begin(uint32_t size_bytes, struct span hash) {
    return upload_begin(&upload, &store, SLOT_NONE, size_bytes, hash, &refusal);
}

static enum status take(uint32_t offset, uint32_t size_bytes, struct span hash) {
    return upload_take(&upload, &store, hash, offset, (struct span){images[0].data + offset, size_bytes}, &refusal);
}

static void check_beginnings(struct span hash) {
    CHECK(take(0, 1, hash) == STATUS_BAD_STATE);
    CHECK(begin(IMAGE_PAGE_BYTES, hash) == STATUS_INVALID_ARGUMENT && begin(SLOT_BYTES + 1, hash) == STATUS_INVALID_ARGUMENT);
    CHECK(begin(images[0].size, (struct span){sha, 31}) == STATUS_INVALID_ARGUMENT && !upload.open);
    CHECK(begin(IMAGE_PAGE_BYTES + 1, hash) == STATUS_OK && begin(SLOT_BYTES, hash) == STATUS_OK);
    CHECK(take(0, 100, hash) == STATUS_OK && upload.received == 100);
    CHECK(begin(images[0].size, hash) == STATUS_OK && upload.received == 0); /* another length: anew */
}

static void check_pieces(struct span hash) {
    const uint32_t size = images[0].size;
    static const uint8_t other[SHA256_BYTES] = {1};
    CHECK(begin(size, hash) == STATUS_OK && take(0, 5000, hash) == STATUS_OK && upload.received == 5000);
    CHECK(take(4000, 1000, hash) == STATUS_OK && take(5001, 1000, hash) == STATUS_OK && upload.received == 5000);
    CHECK(take(5000, 1, (struct span){other, sizeof other}) == STATUS_UPLOAD_TAKEN && upload.received == 5000);
    CHECK(take(5000, size - 5000 + 1, hash) == STATUS_INVALID_ARGUMENT && upload.received == 5000);
    CHECK(begin(size, hash) == STATUS_OK && upload.received == 5000); /* goes on */
    CHECK(take(5000, 0, hash) == STATUS_OK && take(5000, 1, (struct span){}) == STATUS_OK && upload.received == 5001);
    CHECK(slots_set_test(&store, upload.slot) == STATUS_BAD_STATE);
}

static void check_ends(struct span hash) {
    const uint32_t size = images[0].size;
    struct span wrong = hash;
    uint8_t flipped[SHA256_BYTES];
    memcpy(flipped, hash.data, sizeof flipped);
    flipped[31] ^= 1, wrong.data = flipped;
    const struct slot *slot = &store.record.slots[0];
    CHECK(begin(size, wrong) == STATUS_OK && take(0, size, wrong) == STATUS_STAGE_HASH);
    CHECK(!upload.open && upload.slot == 0 && slot->state == SLOT_STATE_EMPTY);
    store.oldest = 2;
    CHECK(slots_oldest_allowed(&store) == 2);
    CHECK(begin(size, hash) == STATUS_OK && take(0, size, hash) == STATUS_OLDER_SEQUENCE && slot->state == SLOT_STATE_EMPTY);
    store.oldest = 1;
    CHECK(begin(size, hash) == STATUS_OK && take(0, size, hash) == STATUS_OK && slot->state == SLOT_STATE_LOADED);
    CHECK(slot->sequence == 1 && slot->size_bytes == size && memcmp(slot->sha, hash.data, SHA256_BYTES) == 0);
    CHECK(memcmp(slot->version, "1.2.3", 6) == 0);
    CHECK(slots_set_test(&store, 0) == STATUS_OK && slot->starts == TEST_STARTS && slots_set_test(&store, 0) == STATUS_BAD_STATE);
    CHECK(begin(size, hash) == STATUS_OK && slot->state == SLOT_STATE_EMPTY); /* before a byte of it changes */
}

/* A file that ends with the image, not with a page. */
static void check_end_within_a_page(void) {
    static struct slot_image image;
    CHECK(slot_check(&store, 1, nullptr, nullptr, &image, &refusal) == STATUS_BAD_IMAGE); /* nothing is there yet */
    CHECK(manifest_open((struct span){images[1].data, IMAGE_PAGE_BYTES}, &image.manifest, &refusal) == STATUS_OK);
    const uint32_t size = IMAGE_PAGE_BYTES + image.manifest.bytes;
    CHECK(size % IMAGE_PAGE_BYTES != 0);
    sha256((struct span){images[1].data, size}, sha);
    CHECK(begin(size, (struct span){sha, sizeof sha}) == STATUS_OK);
    CHECK(upload_take(&upload, &store, (struct span){}, 0, (struct span){images[1].data, size}, &refusal) == STATUS_OK);
    CHECK(!upload.open && store.record.slots[0].state == SLOT_STATE_LOADED);
}

static struct slot_record *record_at(uint32_t place) {
    static const uint32_t offsets[] = RECORD_OFFSETS;
    return (struct slot_record *)(void *)(disk + store.first * SECTOR_BYTES + offsets[place]);
}

/* The generation that a start would go by if the newest record were this one. */
static uint64_t generation_with(const struct slot_record *record, bool whole) {
    static struct store fresh;
    const uint32_t place = record->generation % 2;
    const struct slot_record before = *record_at(place);
    *record_at(place) = *record;
    record_at(place)->crc = crc32(record, offsetof(struct slot_record, crc)) ^ (whole ? 0 : 1);
    CHECK(store_open(&fresh, store.device) == STATUS_OK);
    *record_at(place) = before;
    return fresh.record.generation;
}

static void check_records(void) {
    const struct slot_record good = store.record;
    struct slot_record record = good;
    CHECK(generation_with(&record, true) == good.generation && generation_with(&record, false) == good.generation - 1);
    record.active = SLOT_NONE, CHECK(generation_with(&record, true) == good.generation);
    record.active = SLOT_NONE + 1, CHECK(generation_with(&record, true) == good.generation - 1), record = good;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        record.slots[slot].size_bytes = SLOT_BYTES, CHECK(generation_with(&record, true) == good.generation);
        record.slots[slot].size_bytes++, CHECK(generation_with(&record, true) == good.generation - 1), record = good;
    }
    record.magic++, CHECK(generation_with(&record, true) == good.generation - 1);
}

/* A loss of power may leave a sector that cannot be read: the other record counts then. With none there is no storage. */
static void check_unreadable_records(void) {
    static struct store fresh;
    const uint32_t newest = store.record.generation % 2;
    const struct slot_record before[] = {*record_at(0), *record_at(1)};
    uint8_t *const middle = (uint8_t *)record_at(newest) + SECTOR_BYTES, *const first = (uint8_t *)record_at(1 - newest);
    disk_tear((uint64_t)(middle - disk) / SECTOR_BYTES, nullptr, UNREADABLE);
    CHECK(store_open(&fresh, store.device) == STATUS_OK && fresh.record.generation == store.record.generation - 1);
    disk_tear((uint64_t)(first - disk) / SECTOR_BYTES, nullptr, UNREADABLE);
    CHECK(store_open(&fresh, store.device) == STATUS_NO_STORAGE && fresh.device == nullptr);
    *record_at(newest) = before[newest];
    CHECK(store_open(&fresh, store.device) == STATUS_OK && fresh.record.generation == store.record.generation);
    *record_at(1 - newest) = before[1 - newest];
}

static void check_partitions(void) {
    static struct store fresh;
    uint8_t *const ends = disk + 510, *const table = disk + 446;
    for (uint32_t i = 0; i < 2; i++) {
        ends[i] ^= 1;
        CHECK(store_open(&fresh, store.device) == STATUS_NO_STORAGE && fresh.device == nullptr);
        CHECK(store_write(&fresh, &(struct slot_record){}) == STATUS_NO_STORAGE);
        ends[i] ^= 1;
    }
    uint8_t entry[16];
    memcpy(entry, table + 16, sizeof entry);
    table[16 + 4] ^= 1, CHECK(store_open(&fresh, store.device) == STATUS_NO_STORAGE), table[16 + 4] ^= 1;
    const uint32_t sectors = SLOT_PARTITION_BYTES / SECTOR_BYTES - 1;
    memcpy(table + 16 + 12, &sectors, sizeof sectors), CHECK(store_open(&fresh, store.device) == STATUS_NO_STORAGE);
    memset(table + 16, 0, sizeof entry), memcpy(table + 48, entry, sizeof entry); /* the last of the four */
    CHECK(store_open(&fresh, store.device) == STATUS_OK && fresh.first == store.first);
    memset(table + 48, 0, sizeof entry), memcpy(table + 16, entry, sizeof entry);
}

void check_rules(void) {
    const struct span hash = sha_of(&images[0]);
    power_up();
    CHECK(start() == STATUS_NO_ENTRY && slots_confirm(&store, SLOT_NONE) == STATUS_BAD_STATE);
    check_beginnings(hash);
    check_pieces(hash);
    check_ends(hash);
    check_end_within_a_page();
    check_records();
    check_unreadable_records();
    check_partitions();
}
