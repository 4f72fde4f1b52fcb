/* The board's own maps, in memory that the host lends. */
#include "host.h"
#include "bpf/maps/ring.h"
#include "lib/mem.h"
#include "mm/pool.h"
#include "smp/core.h"

#define CORES 4u

static uint8_t *pool;
static uint32_t pool_bytes;
static uint32_t pool_used;

uint32_t core_id(void) { return host.core; }
uint32_t cores_up(void) { return CORES; }

/* Given back as a whole, by host_pool(). */
enum status pool_alloc(uint32_t size_bytes, uint32_t align, void **out) {
    const uint32_t unit = align == 0 ? 16 : align;
    const uint32_t start = (pool_used + unit - 1) / unit * unit;
    if (start > pool_bytes || size_bytes > pool_bytes - start) { return STATUS_POOL_FULL; }
    pool_used = start + size_bytes;
    *out = pool + start;
    memset(*out, 0, size_bytes);
    return STATUS_OK;
}

void pool_free([[maybe_unused]] void *memory) {}

/* Memory for the maps of the program, aligned to 64 bytes. */
void EXPORT(host_pool)(uint8_t *memory, uint32_t size_bytes, uint32_t core) {
    pool = memory;
    pool_bytes = size_bytes;
    pool_used = 0;
    host.core = core < CORES ? core : 0;
}

/* Makes map i, empty but for `init`. Status. */
uint32_t EXPORT(host_map_create)(uint32_t i, const uint8_t *init, uint32_t init_size) {
    const uint8_t name[2] = {'m', (uint8_t)('a' + i)};
    const struct map_definition definition = {
        .name = {name, sizeof(name)},
        .shape = host.shapes[i],
        .init = {init, init_size},
    };
    return map_acquire(&definition, &host.maps[i]);
}

/* Sets one entry on the present core, whether or not programs may. Status. */
uint32_t EXPORT(host_map_set)(uint32_t i, const void *key, const uint8_t *value) {
    struct bpf_map *map = host.maps[i];
    const uint32_t flags = map->shape.flags;
    map->shape.flags = 0;
    const enum map_result result = map_update(map, key, value, MAP_UPDATE_ANY);
    map->shape.flags = flags;
    return result == MAP_DONE ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

/* Address of the value for this key on the present core, or null. */
void *EXPORT(host_map_get)(uint32_t i, const void *key) { return map_lookup(host.maps[i], key); }

/* Writes the key after `key` (null: the first) to `out`; false at the end. */
uint32_t EXPORT(host_map_next)(uint32_t i, const void *key, uint8_t *out) {
    return map_next_key(host.maps[i], key, out) == STATUS_OK;
}

/* What was written to ring buffer i, which nobody takes from here: its address, and its bytes and how many records were lost behind it. */
const uint8_t *EXPORT(host_ring)(uint32_t i, uint32_t bytes_and_lost[2]) {
    struct span written = {};
    const enum status status = ring_peek(host.maps[i], 0, UINT32_MAX, &written);
    bytes_and_lost[0] = status == STATUS_OK ? written.size : 0;
    bytes_and_lost[1] = host.maps[i]->lost;
    return written.data;
}
