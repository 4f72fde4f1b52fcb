#include "update/memory.h"
#include "lib/mem.h"

static enum status read(void *start, uint64_t sector, uint32_t count, void *out) {
    memcpy(out, (const uint8_t *)start + sector * SECTOR_BYTES, count * SECTOR_BYTES);
    return STATUS_OK;
}

static enum status write(void *start, uint64_t sector, uint32_t count, const void *in) {
    memcpy((uint8_t *)start + sector * SECTOR_BYTES, in, count * SECTOR_BYTES);
    return STATUS_OK;
}

void memory_open(struct store *store, uint8_t *start) {
    static struct block_device device;
    device = (struct block_device){.cookie = start, .read = read, .write = write};
    *store = (struct store){.device = &device, .record = {.active = SLOT_NONE}};
}
