#include "ring.h"

#include "bpf/maps/ring.h"
#include "random.h"
#include "world.h"

enum { SMALLEST = 16 };

void fill_ring(uint64_t seed) {
    struct random random = {seed ^ 0x72696e67};
    struct ring *r = &the_world()->ring;
    r->bytes = SMALLEST << random_below(&random, 4);
    r->taken = random_next(&random) >> 8 << 3;
    r->produced = r->taken + (random_chance(&random, 50) ? 0 : 8 * random_below(&random, r->bytes / 8 + 1));
    r->lost = random_chance(&random, 70) ? 0 : random_below(&random, 300);
    for (uint32_t i = 0; i < RING_BYTES; i++) { r->records[i] = (uint8_t)random_next(&random); }
}

uint64_t kernel_output(uint64_t map, uint64_t data, uint64_t size, uint64_t flags, uint64_t r5) {
    struct ring *r = &the_world()->ring;
    struct bpf_map ring = {
        .shape = {.type = MAP_TYPE_RINGBUF, .key_size = 8, .max_entries = r->bytes},
        .values = r->records,
        .lost = r->lost,
        .produced = r->produced,
        .taken = r->taken,
    };
    (void)r5;
    trace_record(map, data, size, flags);
    const enum map_result result = ring_output(&ring, (const void *)(uintptr_t)data, size, flags);
    r->produced = ring.produced;
    r->lost = ring.lost;
    return (uint64_t)result;
}
