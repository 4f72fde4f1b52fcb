/* Ring buffers against a plain model, and records of several cores beside a host that takes them. */
#include "bpf/maps/ring.h"
#include "fakes.h"
#include <pthread.h>

enum { RING_BYTES = 256, HEADER = sizeof(struct ring_record), MOST_DATA = 70, MOST_RECORDS = RING_BYTES / HEADER };

static struct map_definition define(uint32_t bytes) {
    return (struct map_definition){
        .name = text("ring"),
        .shape = {.type = MAP_TYPE_RINGBUF, .key_size = 8, .value_size = 0, .max_entries = bytes},
    };
}

static struct bpf_map *make(uint32_t bytes) {
    const struct map_definition definition = define(bytes);
    struct bpf_map *map = nullptr;
    CHECK(map_acquire(&definition, &map) == STATUS_OK);
    return map;
}

static uint32_t random_below(uint32_t limit) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % limit;
}

static uint64_t padded(uint64_t size) { return HEADER + (size + 7) / 8 * 8; }

static uint64_t first_position(struct bpf_map *map) {
    uint64_t at;
    CHECK(map_next_key(map, nullptr, (uint8_t *)&at) == STATUS_OK);
    CHECK(map_next_key(map, &at, (uint8_t *)&at) == STATUS_NO_ENTRY);
    return at;
}

/* Bytes from `at` on, put together from the pieces that come at once. */
static void read_bytes(const struct bpf_map *map, uint64_t at, uint8_t *out, uint32_t size) {
    while (size > 0) {
        struct span piece;
        CHECK(ring_peek(map, at, size, &piece) == STATUS_OK && piece.size > 0 && piece.size <= size);
        memcpy(out, piece.data, piece.size);
        at += piece.size;
        out += piece.size;
        size -= piece.size;
    }
}

struct model {
    struct {
        uint32_t size, lost;
        uint8_t data[MOST_DATA];
    } records[MOST_RECORDS];
    uint32_t first, count, lost;
    uint64_t taken, produced;
};

static void write_some(struct bpf_map *map, struct model *m) {
    uint8_t data[MOST_DATA];
    const uint32_t size = 1 + random_below(MOST_DATA);
    for (uint32_t i = 0; i < size; i++) { data[i] = (uint8_t)random_below(256); }
    const bool fits = padded(size) <= RING_BYTES - (m->produced - m->taken);
    CHECK(ring_output(map, data, size, random_below(4)) == (fits ? MAP_DONE : MAP_AGAIN));
    if (!fits) {
        m->lost++;
        return;
    }
    const uint32_t at = (m->first + m->count++) % MOST_RECORDS;
    m->records[at].size = size;
    m->records[at].lost = m->lost;
    memcpy(m->records[at].data, data, size);
    m->lost = 0;
    m->produced += padded(size);
}

static void take_one(struct bpf_map *map, struct model *m) {
    struct ring_record header;
    uint8_t data[MOST_DATA];
    CHECK(first_position(map) == m->taken);
    if (m->count == 0) {
        struct span nothing;
        CHECK(ring_peek(map, m->taken, RING_BYTES, &nothing) == STATUS_OK && nothing.size == 0);
        return;
    }
    read_bytes(map, m->taken, (uint8_t *)&header, HEADER);
    CHECK(header.size == m->records[m->first].size && header.lost == m->records[m->first].lost);
    read_bytes(map, m->taken + HEADER, data, header.size);
    CHECK(memcmp(data, m->records[m->first].data, header.size) == 0);
    m->taken += padded(header.size);
    m->first = (m->first + 1) % MOST_RECORDS;
    m->count--;
    CHECK(map_host_write(map, &m->taken, nullptr) == STATUS_OK);
}

static void records_equal_a_model(void) {
    struct bpf_map *map = make(RING_BYTES);
    struct model m = {};
    for (uint32_t step = 0; step < 100000; step++) {
        /* By turns mostly filled and mostly emptied. */
        if (random_below(8) < (step / 50 % 2 == 0 ? 6u : 2u)) {
            write_some(map, &m);
        } else {
            take_one(map, &m);
        }
        CHECK(ring_waiting(map) == m.produced - m.taken && map_entries(map) == m.produced - m.taken);
    }
    map_release(map);
}

static void the_last_byte_can_be_used(void) {
    struct bpf_map *map = make(64);
    uint8_t data[64] = {7};
    CHECK(ring_output(map, data, 57, 0) == MAP_AGAIN);
    CHECK(ring_output(map, data, UINT64_MAX - 20, 0) == MAP_AGAIN);
    CHECK(ring_output(map, data, 56, 0) == MAP_DONE && ring_waiting(map) == 64);
    CHECK(ring_output(map, data, 1, 0) == MAP_AGAIN);
    CHECK(ring_output(map, data, 1, 4) == MAP_INVALID);
    struct span piece;
    CHECK(ring_peek(map, 0, UINT32_MAX, &piece) == STATUS_OK && piece.size == 64);
    CHECK(ring_peek(map, 8, 10, &piece) == STATUS_OK && piece.size == 10 && piece.data[0] == 7);
    CHECK(ring_peek(map, 64, 10, &piece) == STATUS_OK && piece.size == 0);
    const struct ring_record *header = (const struct ring_record *)map->values;
    CHECK(header->size == 56 && header->lost == 2);
    map_release(map);
}

static void only_what_waits_can_be_read_and_taken(void) {
    struct bpf_map *map = make(64);
    struct span piece;
    CHECK(ring_output(map, "abcd", 4, 0) == MAP_DONE);
    const uint64_t far[] = {17, 1000, UINT64_MAX, 1ull << 32};
    for (uint32_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
        CHECK(ring_peek(map, far[i], 8, &piece) == STATUS_NO_ENTRY);
        CHECK(map_host_write(map, &far[i], nullptr) == STATUS_NO_ENTRY);
    }
    CHECK(first_position(map) == 0);
    CHECK(map_host_write(map, &(uint64_t){16}, nullptr) == STATUS_OK && first_position(map) == 16);
    CHECK(ring_peek(map, 0, 8, &piece) == STATUS_NO_ENTRY);
    CHECK(map_host_write(map, &(uint64_t){0}, nullptr) == STATUS_NO_ENTRY && first_position(map) == 16);
    map_release(map);
}

static void shapes_are_checked(void) {
    static const struct bpf_map_shape bad[] = {
        {.type = MAP_TYPE_RINGBUF, .key_size = 0, .max_entries = 64},
        {.type = MAP_TYPE_RINGBUF, .key_size = 4, .max_entries = 64},
        {.type = MAP_TYPE_RINGBUF, .key_size = 8, .value_size = 8, .max_entries = 64},
        {.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = 0},
        {.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = 96},
        {.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = 2 * MAP_BYTES_MAX},
        {.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = 64, .flags = MAP_FLAG_READ_ONLY},
    };
    struct bpf_map *map;
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const struct map_definition definition = {.name = text("bad"), .shape = bad[i]};
        CHECK(map_acquire(&definition, &map) == STATUS_BAD_MAP_DEFINITION);
    }
    struct map_definition filled = define(64);
    filled.init = text("x");
    CHECK(map_acquire(&filled, &map) == STATUS_BAD_MAP_DEFINITION);
    map = make(MAP_BYTES_MAX);
    CHECK(make(MAP_BYTES_MAX) == map && map->users == 2);
    map_release(map);
    map_release(map);
}

enum { WRITERS = 3, RECORDS = 40000 };
static struct bpf_map *shared;

struct numbered {
    uint32_t writer, number;
};

static void *write_records(void *writer) {
    for (uint32_t i = 0; i < RECORDS; i++) {
        const struct numbered record = {(uint32_t)(uintptr_t)writer, i};
        (void)ring_output(shared, &record, sizeof(record), 0);
    }
    return nullptr;
}

/* Each record is whole, those of one writer come in their order, and each one comes or is counted as lost. */
static void nothing_is_torn_or_forgotten_between_cores(void) {
    shared = make(RING_BYTES);
    pthread_t writers[WRITERS];
    for (uintptr_t i = 0; i < WRITERS; i++) { CHECK(pthread_create(&writers[i], nullptr, write_records, (void *)i) == 0); }
    uint32_t next[WRITERS] = {}, seen = 0, joined = 0;
    uint64_t at = 0;
    while (joined < WRITERS || ring_waiting(shared) > 0) {
        if (ring_waiting(shared) == 0) {
            pthread_join(writers[joined++], nullptr);
            continue;
        }
        struct ring_record header;
        struct numbered record;
        read_bytes(shared, at, (uint8_t *)&header, HEADER);
        CHECK(header.size == sizeof(record));
        read_bytes(shared, at + HEADER, (uint8_t *)&record, sizeof(record));
        CHECK(record.writer < WRITERS && record.number >= next[record.writer] && record.number < RECORDS);
        next[record.writer] = record.number + 1;
        seen += 1 + header.lost;
        at += padded(sizeof(record));
        CHECK(ring_take(shared, at) == STATUS_OK);
    }
    CHECK(seen + shared->lost == WRITERS * RECORDS);
    map_release(shared);
}

int main(void) {
    records_equal_a_model();
    the_last_byte_can_be_used();
    only_what_waits_can_be_read_and_taken();
    shapes_are_checked();
    nothing_is_torn_or_forgotten_between_cores();
    CHECK(fake_pool_blocks == 0);
    return 0;
}
