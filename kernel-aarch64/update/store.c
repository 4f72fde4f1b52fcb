#include "update/store.h"
#include "lib/crc32.h"
#include "lib/mem.h"
#include <stddef.h>

#define RECORD_MAGIC 0x3144524f43455256ull /* "VRECORD1" */

/* Master boot record: four entries of 16 bytes at 446, "\x55\xaa" at 510. */
#define MBR_ENTRIES_OFFSET 446u
#define MBR_ENTRY_BYTES 16u
#define MBR_TYPE 4u
#define MBR_FIRST_SECTOR 8u
#define MBR_SECTORS 12u
#define MBR_END_OFFSET 510u

static const uint32_t record_offsets[] = RECORD_OFFSETS;
static const uint32_t slot_offsets[] = SLOT_OFFSETS;

static uint32_t load32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static enum status find_partition(struct store *store) {
    alignas(8) uint8_t sector[SECTOR_BYTES];
    const enum status status = store->device->read(store->device->cookie, 0, 1, sector);
    if (status != STATUS_OK || sector[MBR_END_OFFSET] != 0x55 || sector[MBR_END_OFFSET + 1] != 0xaa) { return STATUS_NO_STORAGE; }
    for (uint32_t i = 0; i < 4; i++) {
        const uint8_t *entry = sector + MBR_ENTRIES_OFFSET + i * MBR_ENTRY_BYTES;
        const bool large = load32(entry + MBR_SECTORS) >= SLOT_PARTITION_BYTES / SECTOR_BYTES;
        if (entry[MBR_TYPE] != SLOT_PARTITION_TYPE || !large) { continue; }
        store->first = load32(entry + MBR_FIRST_SECTOR);
        return STATUS_OK;
    }
    return STATUS_NO_STORAGE;
}

static enum status transfer_read(const struct store *store, uint32_t offset, void *out, uint32_t sectors) {
    return store->device->read(store->device->cookie, store->first + offset / SECTOR_BYTES, sectors, out);
}

static bool is_whole(const struct slot_record *record) {
    return record->magic == RECORD_MAGIC && record->crc == crc32(record, offsetof(struct slot_record, crc)) &&
           record->active <= SLOT_NONE && record->slots[0].size_bytes <= SLOT_BYTES && record->slots[1].size_bytes <= SLOT_BYTES;
}

enum status store_open(struct store *store, const struct block_device *device) {
    static struct slot_record read;
    *store = (struct store){.device = device, .record = {.magic = RECORD_MAGIC, .active = SLOT_NONE}};
    enum status status = STATUS_NO_STORAGE;
    const uint32_t places = find_partition(store) == STATUS_OK ? 2 : 0;
    for (uint32_t i = 0; i < places; i++) {
        if (transfer_read(store, record_offsets[i], &read, RECORD_SECTORS) != STATUS_OK) { continue; }
        status = STATUS_OK;
        if (is_whole(&read) && read.generation > store->record.generation) { store->record = read; }
    }
    if (status != STATUS_OK) { store->device = nullptr; }
    return status;
}

/* Generations alternate between the places, so the newest record is never written over. */
enum status store_write(struct store *store, struct slot_record *next) {
    if (store->device == nullptr) { return STATUS_NO_STORAGE; }
    next->generation = store->record.generation + 1;
    next->crc = crc32(next, offsetof(struct slot_record, crc));
    const uint64_t sector = store->first + record_offsets[next->generation % 2] / SECTOR_BYTES;
    const enum status status = store->device->write(store->device->cookie, sector, RECORD_SECTORS, next);
    if (status == STATUS_OK) { store->record = *next; }
    return status;
}

enum status slot_read(const struct store *store, uint32_t slot, uint32_t offset, void *out, uint32_t size_bytes) {
    return transfer_read(store, slot_offsets[slot] + offset, out, size_bytes / SECTOR_BYTES);
}

enum status slot_write(const struct store *store, uint32_t slot, uint32_t offset, const void *in, uint32_t size_bytes) {
    const uint64_t sector = store->first + (slot_offsets[slot] + offset) / SECTOR_BYTES;
    return store->device->write(store->device->cookie, sector, size_bytes / SECTOR_BYTES, in);
}
