#include "bpf/maps/hash.h"
#include "lib/mem.h"

/* Memory of a hash map: `buckets` (u32 each), then max_entries entries of entry_stride bytes. */

constexpr uint32_t NO_ENTRY = UINT32_MAX;

/* Four bytes of a key, whatever type the program gave them. */
typedef uint32_t __attribute__((may_alias)) key_word;

struct entry {
    uint32_t next; /* in the chain, or in the list of free entries */
    uint32_t hash;
    uint32_t used;
    uint32_t reserved;
    uint8_t key[];
};

static uint32_t round_up(uint32_t value, uint32_t unit) { return (value + unit - 1) / unit * unit; }

static uint32_t bucket_count(uint32_t max_entries) {
    uint32_t count = 1;
    while (count < max_entries) { count *= 2; }
    return count;
}

static uint32_t value_offset(const struct bpf_map_shape *shape) {
    return (uint32_t)sizeof(struct entry) + round_up(shape->key_size, 8);
}

static uint32_t entry_stride(const struct bpf_map_shape *shape) {
    return value_offset(shape) + round_up(shape->value_size, 8);
}

static uint32_t bucket_bytes(uint32_t buckets) { return round_up(buckets * (uint32_t)sizeof(uint32_t), 64); }

uint64_t hash_bytes(const struct bpf_map_shape *shape) {
    if (shape->key_size == 0 || shape->key_size > MAP_KEY_BYTES_MAX) { return 0; }
    if (shape->value_size == 0 || shape->value_size > MAP_HASH_VALUE_BYTES_MAX) { return 0; }
    if (shape->max_entries > MAP_BYTES_MAX / sizeof(struct entry)) { return 0; }
    return bucket_bytes(bucket_count(shape->max_entries)) + (uint64_t)entry_stride(shape) * shape->max_entries;
}

static struct entry *entry_at(const struct bpf_map *map, uint32_t i) {
    return (struct entry *)(map->values + (uint64_t)i * map->entry_stride);
}

void hash_init(struct bpf_map *map) {
    const struct bpf_map_shape *shape = &map->shape;
    const uint32_t buckets = bucket_count(shape->max_entries);
    map->buckets = (uint32_t *)map->values;
    map->values += bucket_bytes(buckets);
    map->entry_stride = entry_stride(shape);
    map->value_offset = value_offset(shape);
    map->bucket_mask = buckets - 1;
    memset(map->buckets, 0xff, bucket_bytes(buckets)); /* NO_ENTRY in each */
    for (uint32_t i = 0; i < shape->max_entries; i++) {
        entry_at(map, i)->next = i + 1 < shape->max_entries ? i + 1 : NO_ENTRY;
    }
    map->free_first = 0;
    map->free_last = shape->max_entries - 1;
}

/* Keys need not be aligned. */
static uint32_t word_at(const uint8_t *at) {
    if (((uintptr_t)at & 3) == 0) { return *(const key_word *)at; }
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Multiplication by an odd constant and a fold, word by word; reads every byte of the key. The same wherever the key lies. */
static uint32_t hash_of(const void *key, uint32_t size) {
    uint64_t hash = size;
    const bool words = (size & 3) == 0;
    const uint32_t step = words ? 4 : 1;
    for (uint32_t i = 0; i < size; i += step) {
        const uint8_t *at = (const uint8_t *)key + i;
        hash = (hash ^ (words ? word_at(at) : *at)) * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static bool keys_equal(const uint8_t *a, const void *b, uint32_t size) {
    if ((((uintptr_t)b | size) & 3) != 0) { return memcmp(a, b, size) == 0; }
    const key_word *x = (const key_word *)a;
    const key_word *y = b;
    for (uint32_t i = 0; i < size / 4; i++) {
        if (x[i] != y[i]) { return false; }
    }
    return true;
}

static uint32_t load(const uint32_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }
static void store(uint32_t *at, uint32_t value) { __atomic_store_n(at, value, __ATOMIC_RELAXED); }

/* Without the lock a chain may change under the walk: the number of steps is bounded, and the caller checks `sequence`. */
static struct entry *walk(const struct bpf_map *map, const void *key, uint32_t hash) {
    uint32_t i = load(&map->buckets[hash & map->bucket_mask]);
    for (uint32_t steps = 0; i < map->shape.max_entries && steps < map->shape.max_entries; steps++) {
        struct entry *entry = entry_at(map, i);
        if (load(&entry->hash) == hash && keys_equal(entry->key, key, map->shape.key_size)) { return entry; }
        i = load(&entry->next);
    }
    return nullptr;
}

/* walk(), where a few instructions more do not matter. */
[[gnu::noinline]] static struct entry *find_locked(const struct bpf_map *map, const void *key, uint32_t hash) {
    return walk(map, key, hash);
}

static void *value_of(const struct bpf_map *map, struct entry *entry) {
    return entry == nullptr ? nullptr : (uint8_t *)entry + map->value_offset;
}

void *hash_lookup(struct bpf_map *map, const void *key) {
    const uint32_t hash = hash_of(key, map->shape.key_size);
    const uint32_t before = __atomic_load_n(&map->sequence, __ATOMIC_ACQUIRE);
    if ((before & 1) == 0) {
        struct entry *entry = walk(map, key, hash);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (load(&map->sequence) == before) { return value_of(map, entry); }
    }
    const uint64_t flags = spin_lock(&map->lock);
    struct entry *entry = find_locked(map, key, hash);
    spin_unlock(&map->lock, flags);
    return value_of(map, entry);
}

/* Between begin and end, lookups on other cores wait for the lock. */
static void change_begin_locked(struct bpf_map *map) {
    store(&map->sequence, map->sequence + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void change_end_locked(struct bpf_map *map) {
    __atomic_store_n(&map->sequence, map->sequence + 1, __ATOMIC_RELEASE);
}

static enum map_result insert_locked(struct bpf_map *map, const void *key, uint32_t hash, const void *value) {
    const uint32_t i = map->free_first;
    if (i == NO_ENTRY) { return MAP_FULL; }
    struct entry *entry = entry_at(map, i);
    map->free_first = entry->next;
    if (map->free_first == NO_ENTRY) { map->free_last = NO_ENTRY; }
    change_begin_locked(map);
    memcpy(entry->key, key, map->shape.key_size);
    memcpy(value_of(map, entry), value, map->shape.value_size);
    store(&entry->hash, hash);
    entry->used = 1;
    uint32_t *bucket = &map->buckets[hash & map->bucket_mask];
    store(&entry->next, *bucket);
    store(bucket, i);
    change_end_locked(map);
    map->used += 1;
    return MAP_DONE;
}

/* Should the verifier ever let a bad pointer through, it faults here and not while the lock is held. A value spans two
 * pages at most, so its ends are enough. */
static void touch(const void *memory, uint32_t size) {
    const volatile uint8_t *bytes = memory;
    (void)bytes[0];
    (void)bytes[size - 1];
}
static_assert(MAP_HASH_VALUE_BYTES_MAX <= 4096);

enum map_result hash_update(struct bpf_map *map, const void *key, const void *value, uint64_t flags) {
    if (flags > MAP_UPDATE_IF_PRESENT) { return MAP_INVALID; }
    const uint32_t hash = hash_of(key, map->shape.key_size);
    touch(value, map->shape.value_size);
    enum map_result result = MAP_DONE;
    const uint64_t irq = spin_lock(&map->lock);
    struct entry *entry = walk(map, key, hash);
    if (entry != nullptr && flags == MAP_UPDATE_IF_ABSENT) {
        result = MAP_EXISTS;
    } else if (entry != nullptr) {
        memmove(value_of(map, entry), value, map->shape.value_size); /* a program may pass the value itself */
    } else if (flags == MAP_UPDATE_IF_PRESENT) {
        result = MAP_ABSENT;
    } else {
        result = insert_locked(map, key, hash, value);
    }
    spin_unlock(&map->lock, irq);
    return result;
}

static void unlink_locked(struct bpf_map *map, uint32_t *link, struct entry *entry) {
    const uint32_t i = *link;
    change_begin_locked(map);
    store(link, entry->next);
    store(&entry->next, NO_ENTRY);
    entry->used = 0;
    change_end_locked(map);
    if (map->free_last == NO_ENTRY) {
        map->free_first = i;
    } else {
        entry_at(map, map->free_last)->next = i;
    }
    map->free_last = i;
    map->used -= 1;
}

enum map_result hash_delete(struct bpf_map *map, const void *key) {
    const uint32_t hash = hash_of(key, map->shape.key_size);
    enum map_result result = MAP_ABSENT;
    const uint64_t flags = spin_lock(&map->lock);
    uint32_t *link = &map->buckets[hash & map->bucket_mask];
    while (*link != NO_ENTRY) {
        struct entry *entry = entry_at(map, *link);
        if (entry->hash == hash && keys_equal(entry->key, key, map->shape.key_size)) {
            unlink_locked(map, link, entry);
            result = MAP_DONE;
            break;
        }
        link = &entry->next;
    }
    spin_unlock(&map->lock, flags);
    return result;
}

[[clang::minsize]] enum status hash_read(struct bpf_map *map, const void *key, uint8_t *value) {
    const uint32_t hash = hash_of(key, map->shape.key_size);
    const uint64_t flags = spin_lock(&map->lock);
    struct entry *entry = find_locked(map, key, hash);
    if (entry != nullptr) { memcpy(value, value_of(map, entry), map->shape.value_size); }
    spin_unlock(&map->lock, flags);
    return entry != nullptr ? STATUS_OK : STATUS_NO_ENTRY;
}

/* Entries in their order in memory; an unknown key starts over, as in Linux. */
[[clang::minsize]] enum status hash_next_key(struct bpf_map *map, const void *key, uint8_t *out) {
    const uint32_t hash = key == nullptr ? 0 : hash_of(key, map->shape.key_size);
    const uint64_t flags = spin_lock(&map->lock);
    struct entry *entry = key == nullptr ? nullptr : find_locked(map, key, hash);
    uint32_t i = entry == nullptr ? 0 : (uint32_t)(((uint8_t *)entry - map->values) / map->entry_stride) + 1;
    while (i < map->shape.max_entries && entry_at(map, i)->used == 0) { i++; }
    const bool found = i < map->shape.max_entries;
    if (found) { memcpy(out, entry_at(map, i)->key, map->shape.key_size); }
    spin_unlock(&map->lock, flags);
    return found ? STATUS_OK : STATUS_NO_ENTRY;
}
