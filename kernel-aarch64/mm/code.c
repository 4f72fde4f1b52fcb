#include "mm/code.h"
#include "lib/barrier.h"
#include "lib/cache.h"
#include "mm/layout.h"

/* First fit over units of 256 bytes: one byte per unit says 0 free, 1 first of an area, 2 continues it. */
#define UNIT_BYTES CODE_BLOCK_BYTES
#define UNITS (CODE_POOL_BYTES / UNIT_BYTES)

enum unit : uint8_t { UNIT_FREE, UNIT_FIRST, UNIT_MORE };

static uint8_t units[UNITS];
static struct memory_use use;

static bool gap_at(uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (units[first + i] != UNIT_FREE) { return false; }
    }
    return true;
}

enum status code_alloc(uint32_t size_bytes, struct code_area *out) {
    if (size_bytes == 0) { return STATUS_INVALID_ARGUMENT; }
    if (size_bytes > CODE_POOL_BYTES) { return STATUS_POOL_FULL; }
    const uint32_t count = (size_bytes + UNIT_BYTES - 1) / UNIT_BYTES;
    for (uint32_t first = 0; first + count <= UNITS; first++) {
        if (!gap_at(first, count)) { continue; }
        for (uint32_t i = 0; i < count; i++) { units[first + i] = i == 0 ? UNIT_FIRST : UNIT_MORE; }
        out->write = (uint32_t *)(uintptr_t)(CODE_WRITE_VA + first * UNIT_BYTES);
        out->exec_addr = (uintptr_t)code_pool() + first * UNIT_BYTES;
        out->size_bytes = count * UNIT_BYTES;
        use.bytes += out->size_bytes;
        if (use.bytes > use.most_bytes) { use.most_bytes = use.bytes; }
        return STATUS_OK;
    }
    return STATUS_POOL_FULL;
}

/* Arm ARM B2.4.4: clean to the point of unification, invalidate by the address that will run. IC IVAU and the DSB reach
 * all cores of the inner shareable domain, but not what they fetched already. */
void code_publish(const struct code_area *area) {
    const uint64_t data_line = data_line_bytes();
    const uint64_t code_line = code_line_bytes();
    const uint64_t start = (uintptr_t)area->write;
    for (uint64_t at = start; at < start + area->size_bytes; at += data_line) { data_line_publish(at); }
    barrier_dsb_ish();
    for (uint64_t at = area->exec_addr; at < area->exec_addr + area->size_bytes; at += code_line) { code_line_drop(at); }
    barrier_dsb_ish();
    barrier_isb();
}

/* The core that is in there takes no interrupt. What it fetches next comes from memory once its instruction cache has lost
 * the line; an emulator that runs a loop without looking up does so when translations are invalidated. */
void code_withdraw(const struct code_area *area, uint32_t instruction) {
    for (uint32_t i = 0; i < area->size_bytes / 4; i++) { area->write[i] = instruction; }
    code_publish(area);
    translation_drop(area->exec_addr);
    barrier_dsb_ish();
}

void code_free(struct code_area *area) {
    const uint64_t offset = area->exec_addr - (uintptr_t)code_pool();
    if (!area->exec_addr || offset >= CODE_POOL_BYTES || offset % UNIT_BYTES) { return; }
    uint32_t unit = (uint32_t)(offset / UNIT_BYTES);
    if (units[unit] != UNIT_FIRST) { return; }
    use.bytes -= area->size_bytes;
    do {
        units[unit++] = UNIT_FREE;
    } while (unit < UNITS && units[unit] == UNIT_MORE);
    *area = (struct code_area){};
}

bool code_contains(uint64_t addr) { return addr - (uintptr_t)code_pool() < CODE_POOL_BYTES; }

struct memory_use code_use(void) { return use; }
