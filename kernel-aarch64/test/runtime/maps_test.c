/* Maps against a plain model, and lookups against concurrent updates. */
#include "bpf/maps/map.h"
#include "fakes.h"
#include <pthread.h>

#define SHAPE(type_, key, value, entries, flags_) \
    {.type = (type_), .key_size = (key), .value_size = (value), .max_entries = (entries), .flags = (flags_)}

static struct map_definition define(const char *name, uint32_t type, uint32_t key, uint32_t value, uint32_t entries) {
    return (struct map_definition){.name = text(name), .shape = SHAPE(type, key, value, entries, 0)};
}

static struct bpf_map *make(struct map_definition definition) {
    struct bpf_map *map = nullptr;
    CHECK(map_acquire(&definition, &map) == STATUS_OK);
    return map;
}

static uint32_t random_next(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

enum { KEYS = 200, ENTRIES = 100 };

static void hash_equals_a_model(void) {
    struct bpf_map *map = make(define("h", MAP_TYPE_HASH, 6, 10, ENTRIES));
    uint8_t model[KEYS][10];
    bool present[KEYS] = {};
    uint32_t count = 0;
    for (uint32_t step = 0; step < 200000; step++) {
        const uint32_t k = random_next() % KEYS;
        uint8_t key[6] = {(uint8_t)k, 1, 2, (uint8_t)(k * 7), 4, 5};
        uint8_t value[10];
        for (uint32_t i = 0; i < 10; i++) { value[i] = (uint8_t)random_next(); }
        const uint64_t flags = random_next() % 4;
        enum map_result expected;
        enum map_result got;
        if (random_next() % 3 == 0) {
            expected = present[k] ? MAP_DONE : MAP_ABSENT;
            got = map_delete(map, key);
            if (present[k]) { count--; }
            present[k] = false;
        } else {
            expected = flags == 3                                            ? MAP_INVALID
                       : present[k] && flags == MAP_UPDATE_IF_ABSENT         ? MAP_EXISTS
                       : !present[k] && flags == MAP_UPDATE_IF_PRESENT       ? MAP_ABSENT
                       : !present[k] && count == ENTRIES                     ? MAP_FULL
                                                                             : MAP_DONE;
            got = map_update(map, key, value, flags);
            if (expected == MAP_DONE) {
                if (!present[k]) { count++; }
                present[k] = true;
                memcpy(model[k], value, 10);
            }
        }
        CHECK(got == expected);
        const uint8_t *found = map_lookup(map, key);
        CHECK((found != nullptr) == present[k]);
        CHECK(found == nullptr || memcmp(found, model[k], 10) == 0);
        CHECK(map_entries(map) == count);
    }
    uint8_t key[6];
    uint32_t walked = 0;
    for (enum status s = map_next_key(map, nullptr, key); s == STATUS_OK; s = map_next_key(map, key, key)) {
        CHECK(present[key[0]]);
        walked++;
    }
    CHECK(walked == count);
    map_release(map);
}

static void entries_are_reused_oldest_first(void) {
    struct bpf_map *map = make(define("fifo", MAP_TYPE_HASH, 4, 8, 3));
    uint64_t value = 1;
    for (uint32_t k = 0; k < 3; k++) { CHECK(map_update(map, &k, &value, 0) == MAP_DONE); }
    void *first = map_lookup(map, &(uint32_t){0});
    CHECK(map_delete(map, &(uint32_t){0}) == MAP_DONE);
    CHECK(map_delete(map, &(uint32_t){1}) == MAP_DONE);
    CHECK(map_update(map, &(uint32_t){7}, &value, 0) == MAP_DONE);
    CHECK(map_lookup(map, &(uint32_t){7}) == first);
    map_release(map);
}

static void arrays_are_bounded(void) {
    struct bpf_map *map = make(define("a", MAP_TYPE_ARRAY, 4, 12, 5));
    uint8_t value[12] = {1, 2, 3};
    CHECK(map_lookup(map, &(uint32_t){4}) != nullptr && map_lookup(map, &(uint32_t){5}) == nullptr);
    CHECK(map_update(map, &(uint32_t){5}, value, 0) == MAP_FULL);
    CHECK(map_update(map, &(uint32_t){0}, value, MAP_UPDATE_IF_ABSENT) == MAP_EXISTS);
    CHECK(map_update(map, &(uint32_t){4}, value, 0) == MAP_DONE);
    CHECK(memcmp(map_lookup(map, &(uint32_t){4}), value, 12) == 0);
    CHECK(map_delete(map, &(uint32_t){4}) == MAP_INVALID);
    uint8_t key[4];
    uint32_t count = 0;
    for (enum status s = map_next_key(map, nullptr, key); s == STATUS_OK; s = map_next_key(map, key, key)) { count++; }
    CHECK(count == 5);
    map_release(map);
}

static void each_core_has_its_own_array(void) {
    struct bpf_map *map = make(define("p", MAP_TYPE_PERCPU_ARRAY, 4, 8, 2));
    const uint32_t key = 1;
    for (fake_core = 0; fake_core < 4; fake_core++) {
        const uint64_t value = 100 + fake_core;
        CHECK(map_update(map, &key, &value, 0) == MAP_DONE);
    }
    fake_core = 0;
    uint64_t values[4];
    CHECK(map_host_value_bytes(map) == sizeof(values));
    CHECK(map_host_read(map, &key, (uint8_t *)values) == STATUS_OK);
    for (uint32_t i = 0; i < 4; i++) { CHECK(values[i] == 100 + i); }
    map_release(map);
}

static void maps_are_found_by_name_and_shape(void) {
    const uint32_t blocks = fake_pool_blocks;
    struct map_definition definition = define("state", MAP_TYPE_ARRAY, 4, 8, 4);
    struct bpf_map *first = make(definition);
    struct bpf_map *second = make(definition);
    CHECK(first == second && first->users == 2);
    definition.shape.max_entries = 5;
    CHECK(map_acquire(&definition, &second) == STATUS_MAP_SHAPE);
    CHECK(map_find(text("state")) == first && map_find(text("stat")) == nullptr && map_find(text("states")) == nullptr);
    map_release(first);
    CHECK(map_find(text("state")) == first);
    map_release(first);
    CHECK(map_find(text("state")) == nullptr && fake_pool_blocks == blocks);
}

static void constants_are_shared_only_when_equal(void) {
    struct map_definition definition = define("c.rodata", MAP_TYPE_ARRAY, 4, 8, 1);
    definition.shape.flags = MAP_FLAG_READ_ONLY;
    definition.init = text("abc");
    struct bpf_map *first = make(definition);
    CHECK(make(definition) == first);
    definition.init = text("abd");
    struct bpf_map *other = make(definition);
    CHECK(other != first && map_find(text("c.rodata")) == other);
    CHECK(map_update(first, &(uint32_t){0}, "12345678", 0) == MAP_NOT_PERMITTED);
    CHECK(map_host_write(first, &(uint32_t){0}, (const uint8_t *)"12345678") == STATUS_ACCESS_DENIED);
    map_release(other);
    map_release(first);
    map_release(first);
}

/* Names of constants are whatever a compiler calls them. */
static void constants_do_not_stand_before_state(void) {
    struct map_definition state = define("shared", MAP_TYPE_ARRAY, 4, 8, 2), constants = define("shared", MAP_TYPE_ARRAY, 4, 8, 1);
    constants.shape.flags = MAP_FLAG_READ_ONLY;
    struct bpf_map *before = make(constants);
    struct bpf_map *first = make(state);
    constants.init = text("abc");
    struct bpf_map *after = make(constants);
    CHECK(first != before && first != after);
    CHECK(map_find(text("shared")) == first && make(state) == first);
    map_release(first);
    map_release(first);
    CHECK(map_find(text("shared")) == after);
    map_release(after);
    map_release(before);
}

static void bad_definitions_are_refused(void) {
    static const struct bpf_map_shape bad[] = {
        SHAPE(MAP_TYPE_ARRAY, 8, 8, 1, 0),  SHAPE(MAP_TYPE_ARRAY, 4, 0, 1, 0),          SHAPE(MAP_TYPE_ARRAY, 4, 8, 0, 0),
        SHAPE(MAP_TYPE_HASH, 65, 8, 1, 0),  SHAPE(MAP_TYPE_HASH, 0, 8, 1, 0),           SHAPE(MAP_TYPE_HASH, 4, 2049, 1, 0),
        SHAPE(3, 4, 8, 1, 0),               SHAPE(MAP_TYPE_ARRAY, 4, 8, UINT32_MAX, 0), SHAPE(MAP_TYPE_ARRAY, 4, UINT32_MAX, 1, 0),
        SHAPE(MAP_TYPE_ARRAY, 4, 8, 1, 1u), SHAPE(MAP_TYPE_HASH, 4, 8, UINT32_MAX, 0),  SHAPE(MAP_TYPE_PERCPU_ARRAY, 4, 1 << 21, 1, 0),
    };
    struct bpf_map *map;
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const struct map_definition definition = {.name = text("bad"), .shape = bad[i]};
        CHECK(map_acquire(&definition, &map) == STATUS_BAD_MAP_DEFINITION);
    }
    struct map_definition long_init = define("bad", MAP_TYPE_ARRAY, 4, 2, 1);
    long_init.init = text("abc");
    CHECK(map_acquire(&long_init, &map) == STATUS_BAD_MAP_DEFINITION);
    const uint32_t blocks = fake_pool_blocks;
    fake_pool_left = 0;
    const struct map_definition definition = define("full", MAP_TYPE_ARRAY, 4, 8, 1);
    CHECK(map_acquire(&definition, &map) == STATUS_POOL_FULL);
    fake_pool_left = UINT32_MAX;
    CHECK(fake_pool_blocks == blocks && map_find(text("full")) == nullptr);
}

static struct bpf_map *shared;
static bool stop;

/* Keys 0..15 are always present; a lookup must never miss them, whatever happens to the others in the same chains. */
static void *look_up(void *misses) {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        for (uint32_t key = 0; key < 16; key++) {
            const uint64_t *value = map_lookup(shared, &key);
            if (value == nullptr || *value != key) { __atomic_fetch_add((uint32_t *)misses, 1, __ATOMIC_RELAXED); }
        }
    }
    return nullptr;
}

static void lookups_never_miss_while_others_update(void) {
    shared = make(define("shared", MAP_TYPE_HASH, 4, 8, 40));
    for (uint32_t key = 0; key < 16; key++) { CHECK(map_update(shared, &key, &(uint64_t){key}, 0) == MAP_DONE); }
    uint32_t misses = 0;
    pthread_t readers[2];
    for (uint32_t i = 0; i < 2; i++) { CHECK(pthread_create(&readers[i], nullptr, look_up, &misses) == 0); }
    for (uint32_t step = 0; step < 300000; step++) {
        const uint32_t key = 16 + random_next() % 60;
        if (random_next() % 2 == 0) {
            (void)map_update(shared, &key, &(uint64_t){key}, 0);
        } else {
            (void)map_delete(shared, &key);
        }
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 2; i++) { pthread_join(readers[i], nullptr); }
    CHECK(misses == 0);
    map_release(shared);
}

int main(void) {
    hash_equals_a_model();
    entries_are_reused_oldest_first();
    arrays_are_bounded();
    each_core_has_its_own_array();
    maps_are_found_by_name_and_shape();
    constants_are_shared_only_when_equal();
    constants_do_not_stand_before_state();
    bad_definitions_are_refused();
    lookups_never_miss_while_others_update();
    CHECK(fake_pool_blocks == 0);
    return 0;
}
