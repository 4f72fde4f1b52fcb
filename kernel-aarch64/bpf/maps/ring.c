#include "bpf/maps/ring.h"
#include "lib/mem.h"

/* enum of the same name in Linux's include/uapi/linux/bpf.h. Here nobody sleeps that could be woken. */
enum : uint64_t { RB_NO_WAKEUP = 1, RB_FORCE_WAKEUP = 2 };

uint64_t ring_bytes(const struct bpf_map_shape *shape) {
    const uint32_t bytes = shape->max_entries;
    const bool sound = ((shape->key_size ^ sizeof(uint64_t)) | shape->value_size | shape->flags | (bytes & (bytes - 1))) == 0;
    return sound ? bytes : 0;
}

uint64_t ring_waiting(const struct bpf_map *map) {
    return __atomic_load_n(&map->produced, __ATOMIC_ACQUIRE) - map->taken;
}

/* What lies at this position, up to the end of the memory and at most `limit` bytes. */
static struct span piece_at(const struct bpf_map *map, uint64_t at, uint64_t limit) {
    const uint32_t offset = (uint32_t)at & (map->shape.max_entries - 1);
    const uint64_t piece = map->shape.max_entries - offset;
    return (struct span){map->values + offset, (uint32_t)(piece < limit ? piece : limit)};
}

static void append(struct bpf_map *map, const uint8_t *data, uint32_t size) {
    const struct span header = piece_at(map, map->produced, sizeof(struct ring_record));
    *(struct ring_record *)header.data = (struct ring_record){.size = size, .lost = map->lost};
    const struct span first = piece_at(map, map->produced + sizeof(struct ring_record), size);
    memcpy((uint8_t *)first.data, data, first.size);
    memcpy(map->values, data + first.size, size - first.size);
    map->lost = 0;
}

enum map_result ring_output(struct bpf_map *map, const void *data, uint64_t size, uint64_t flags) {
    if (flags > (RB_NO_WAKEUP | RB_FORCE_WAKEUP)) { return MAP_INVALID; }
    const uint64_t needed = sizeof(struct ring_record) + ((size + 7) & ~7ull);
    enum map_result result = MAP_AGAIN;
    const uint64_t state = spin_lock(&map->lock);
    const uint64_t taken = __atomic_load_n(&map->taken, __ATOMIC_RELAXED); /* nothing is written there before this was seen */
    if (needed <= map->shape.max_entries - (map->produced - taken)) {
        append(map, data, (uint32_t)size);
        __atomic_store_n(&map->produced, map->produced + needed, __ATOMIC_RELEASE);
        result = MAP_DONE;
    } else {
        map->lost += 1;
    }
    spin_unlock(&map->lock, state);
    return result;
}

enum status ring_peek(const struct bpf_map *map, uint64_t at, uint32_t limit, struct span *out) {
    const uint64_t before = at - map->taken, waiting = ring_waiting(map);
    if (before > waiting) { return STATUS_NO_ENTRY; }
    *out = piece_at(map, at, waiting - before < limit ? waiting - before : limit);
    return STATUS_OK;
}

enum status ring_take(struct bpf_map *map, uint64_t at) {
    struct span rest;
    const enum status status = ring_peek(map, at, 0, &rest);
    if (status == STATUS_OK) { __atomic_store_n(&map->taken, at, __ATOMIC_RELEASE); }
    return status;
}
