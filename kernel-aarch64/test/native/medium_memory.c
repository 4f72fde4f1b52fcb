/* The disk, without any driver. */
#include "lib/mem.h"
#include "update_board.h"

static enum status read(void *, uint64_t sector, uint32_t count, void *out) {
    enum status status = dead ? STATUS_TIMEOUT : STATUS_OK;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = disk_get(sector + i, (uint8_t *)out + i * SECTOR_BYTES) ? STATUS_OK : STATUS_CORRUPT;
    }
    return status;
}

static enum status write(void *, uint64_t sector, uint32_t count, const void *in) {
    enum status status = dead ? STATUS_TIMEOUT : STATUS_OK;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = disk_put(sector + i, (const uint8_t *)in + i * SECTOR_BYTES);
    }
    return status;
}

const struct block_device *medium_open(void) {
    static const struct block_device device = {.read = read, .write = write};
    return &device;
}
