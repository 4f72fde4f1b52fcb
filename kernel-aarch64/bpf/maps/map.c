#include "bpf/maps/map.h"
#include "bpf/maps/hash.h"
#include "bpf/maps/ring.h"
#include "lib/barrier.h"
#include "lib/mem.h"
#include "mm/pool.h"
#include "smp/core.h"

static struct bpf_map *table[MAPS_LIMIT]; /* oldest first, without gaps; core 0 only */
static uint32_t table_size;

static uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

static bool is_array(const struct bpf_map_shape *shape) {
    return shape->type == MAP_TYPE_ARRAY || shape->type == MAP_TYPE_PERCPU_ARRAY;
}

/* Bytes of the values of an array on one core; 0 when the shape is out of range. */
static uint64_t array_bytes(const struct bpf_map_shape *shape) {
    if (shape->key_size != sizeof(uint32_t) || shape->value_size == 0) { return 0; }
    if (shape->value_size > MAP_BYTES_MAX || shape->max_entries > MAP_BYTES_MAX) { return 0; }
    return round_up(round_up(shape->value_size, 8) * shape->max_entries, 64);
}

static uint64_t map_bytes(const struct bpf_map_shape *shape) {
    if (shape->max_entries == 0 || (shape->flags & ~MAP_FLAG_READ_ONLY) != 0) { return 0; }
    switch (shape->type) {
    case MAP_TYPE_ARRAY: return array_bytes(shape);
    case MAP_TYPE_PERCPU_ARRAY: return array_bytes(shape) * cores_up();
    case MAP_TYPE_HASH: return hash_bytes(shape);
    case MAP_TYPE_RINGBUF: return ring_bytes(shape);
    default: return 0;
    }
}

static bool definition_is_sound(const struct map_definition *definition) {
    const uint64_t bytes = map_bytes(&definition->shape);
    if (bytes == 0 || bytes > MAP_BYTES_MAX) { return false; }
    if (definition->name.size == 0 || definition->name.size > NAME_BYTES) { return false; }
    if (definition->init.size == 0) { return true; }
    return definition->shape.type == MAP_TYPE_ARRAY && definition->init.size <= definition->shape.value_size;
}

static bool shapes_equal(const struct bpf_map_shape *a, const struct bpf_map_shape *b) {
    return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size &&
           a->max_entries == b->max_entries && a->flags == b->flags;
}

static bool has_name(const struct bpf_map *map, struct span name) {
    return memcmp(map->name, name.data, name.size) == 0 && map->name[name.size] == '\0';
}

static bool is_read_only(const struct bpf_map_shape *shape) { return (shape->flags & MAP_FLAG_READ_ONLY) != 0; }

/* A read-only map is constants of the program: it is the same map only when nothing differs. */
static bool same_constants(const struct bpf_map *map, const struct map_definition *definition) {
    if (!shapes_equal(&map->shape, &definition->shape) || !is_array(&map->shape)) { return false; }
    const struct span init = definition->init;
    if (init.size != 0 && memcmp(map->values, init.data, init.size) != 0) { return false; }
    for (uint64_t i = init.size; i < array_bytes(&map->shape); i++) {
        if (map->values[i] != 0) { return false; }
    }
    return true;
}

struct bpf_map *map_find(struct span name) {
    struct bpf_map *found = nullptr;
    if (name.size == 0 || name.size > NAME_BYTES) { return nullptr; }
    for (uint32_t i = 0; i < table_size && (found == nullptr || is_read_only(&found->shape)); i++) {
        if (has_name(table[i], name)) { found = table[i]; }
    }
    return found;
}

static struct bpf_map *find_constants(const struct map_definition *definition) {
    for (uint32_t i = 0; i < table_size; i++) {
        if (has_name(table[i], definition->name) && same_constants(table[i], definition)) { return table[i]; }
    }
    return nullptr;
}

static void set_up(struct bpf_map *map, const struct map_definition *definition) {
    map->shape = definition->shape;
    map->users = 1;
    memcpy(map->name, definition->name.data, definition->name.size);
    if (map->shape.type == MAP_TYPE_HASH) { hash_init(map); }
    if (!is_array(&map->shape)) { return; }
    map->stride = (uint32_t)round_up(map->shape.value_size, 8);
    if (map->shape.type == MAP_TYPE_PERCPU_ARRAY) { map->core_stride = (uint32_t)array_bytes(&map->shape); }
    if (definition->init.size != 0) { memcpy(map->values, definition->init.data, definition->init.size); }
}

static enum status map_make(const struct map_definition *definition, struct bpf_map **out) {
    if (table_size == MAPS_LIMIT) { return STATUS_POOL_FULL; }
    void *map_memory = nullptr;
    void *value_memory = nullptr;
    enum status status = pool_alloc(sizeof(struct bpf_map), 64, &map_memory);
    if (status != STATUS_OK) { return status; }
    status = pool_alloc((uint32_t)map_bytes(&definition->shape), 64, &value_memory);
    if (status != STATUS_OK) {
        pool_free(map_memory);
        return status;
    }
    struct bpf_map *map = map_memory;
    map->values = value_memory;
    set_up(map, definition);
    table[table_size++] = map;
    *out = map;
    return STATUS_OK;
}

/* Once a patch or for the host, beside functions that are called all the time: small. */
[[clang::minsize]] enum status map_acquire(const struct map_definition *definition, struct bpf_map **out) {
    if (!definition_is_sound(definition)) { return STATUS_BAD_MAP_DEFINITION; }
    const bool constants = is_read_only(&definition->shape);
    struct bpf_map *map = constants ? find_constants(definition) : map_find(definition->name);
    if (map == nullptr || is_read_only(&map->shape) != constants) { return map_make(definition, out); }
    if (!shapes_equal(&map->shape, &definition->shape)) { return STATUS_MAP_SHAPE; }
    map->users += 1;
    *out = map;
    return STATUS_OK;
}

[[clang::minsize]] void map_release(struct bpf_map *map) {
    map->users -= 1;
    if (map->users > 0) { return; }
    uint32_t i = 0;
    while (table[i] != map) { i++; }
    table_size -= 1;
    for (; i < table_size; i++) { table[i] = table[i + 1]; }
    pool_free(map->shape.type == MAP_TYPE_HASH ? (void *)map->buckets : map->values);
    pool_free(map);
}

struct bpf_map *map_at(uint32_t i) { return i < table_size ? table[i] : nullptr; }

uint32_t map_entries(const struct bpf_map *map) {
    if (map->shape.type == MAP_TYPE_RINGBUF) { return (uint32_t)ring_waiting(map); }
    return is_array(&map->shape) ? map->shape.max_entries : __atomic_load_n(&map->used, __ATOMIC_RELAXED);
}

static uint32_t index_of(const void *key) {
    if (((uintptr_t)key & 3) == 0) { return *(const uint32_t *)key; }
    uint32_t index;
    memcpy(&index, key, sizeof(index));
    return index;
}

/* `core_stride` is 0 for a plain array. A function of its own: test/jit/array-lookup.test.ts runs it with its branches guessed
 * wrong. */
[[gnu::noinline]] static uint8_t *array_value(const struct bpf_map *map, const void *key, uint32_t core) {
    uint32_t index = index_of(key);
    if (index >= map->shape.max_entries) { return nullptr; }
    index = index_below(index, map->shape.max_entries);
    return map->values + (uint64_t)core * map->core_stride + (uint64_t)index * map->stride;
}

void *map_lookup(struct bpf_map *map, const void *key) {
    if (map->shape.type == MAP_TYPE_HASH) { return hash_lookup(map, key); }
    return array_value(map, key, core_id());
}

enum map_result map_update(struct bpf_map *map, const void *key, const void *value, uint64_t flags) {
    if (is_read_only(&map->shape)) { return MAP_NOT_PERMITTED; }
    if (map->shape.type == MAP_TYPE_HASH) { return hash_update(map, key, value, flags); }
    if (flags > MAP_UPDATE_IF_PRESENT) { return MAP_INVALID; }
    uint8_t *place = array_value(map, key, core_id());
    if (place == nullptr) { return MAP_FULL; }
    if (flags == MAP_UPDATE_IF_ABSENT) { return MAP_EXISTS; }
    memmove(place, value, map->shape.value_size); /* a program may pass the value itself */
    return MAP_DONE;
}

enum map_result map_delete(struct bpf_map *map, const void *key) {
    if (is_read_only(&map->shape)) { return MAP_NOT_PERMITTED; }
    return map->shape.type == MAP_TYPE_HASH ? hash_delete(map, key) : MAP_INVALID;
}

static uint32_t value_copies(const struct bpf_map *map) {
    return map->shape.type == MAP_TYPE_PERCPU_ARRAY ? cores_up() : 1;
}

uint32_t map_host_value_bytes(const struct bpf_map *map) { return map->shape.value_size * value_copies(map); }

[[clang::minsize]] enum status map_host_read(struct bpf_map *map, const void *key, uint8_t *value) {
    if (map->shape.type == MAP_TYPE_HASH) { return hash_read(map, key, value); }
    for (uint32_t core = 0; core < value_copies(map); core++) {
        const uint8_t *place = array_value(map, key, core);
        if (place == nullptr) { return STATUS_NO_ENTRY; }
        memcpy(value + core * map->shape.value_size, place, map->shape.value_size);
    }
    return STATUS_OK;
}

static enum status status_of(enum map_result result) {
    switch (result) {
    case MAP_DONE: return STATUS_OK;
    case MAP_FULL: return STATUS_POOL_FULL;
    case MAP_NOT_PERMITTED: return STATUS_ACCESS_DENIED;
    default: return STATUS_INVALID_ARGUMENT;
    }
}

[[clang::minsize]] enum status map_host_write(struct bpf_map *map, const void *key, const uint8_t *value) {
    if (is_read_only(&map->shape)) { return STATUS_ACCESS_DENIED; }
    if (map->shape.type == MAP_TYPE_HASH) { return status_of(hash_update(map, key, value, MAP_UPDATE_ANY)); }
    if (map->shape.type == MAP_TYPE_RINGBUF) { return ring_take(map, *(const uint64_t *)key); }
    for (uint32_t core = 0; core < value_copies(map); core++) {
        uint8_t *place = array_value(map, key, core);
        if (place == nullptr) { return STATUS_NO_ENTRY; }
        memcpy(place, value + core * map->shape.value_size, map->shape.value_size);
    }
    return STATUS_OK;
}

[[clang::minsize]] enum status map_next_key(struct bpf_map *map, const void *key, uint8_t *out) {
    if (map->shape.type == MAP_TYPE_HASH) { return hash_next_key(map, key, out); }
    if (map->shape.type == MAP_TYPE_RINGBUF) {
        memcpy(out, &map->taken, sizeof(map->taken));
        return key == nullptr ? STATUS_OK : STATUS_NO_ENTRY;
    }
    const uint32_t last = key == nullptr ? UINT32_MAX : index_of(key);
    const uint32_t next = last >= map->shape.max_entries ? 0 : last + 1;
    if (next >= map->shape.max_entries) { return STATUS_NO_ENTRY; }
    memcpy(out, &next, sizeof(next));
    return STATUS_OK;
}
