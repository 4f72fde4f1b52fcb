#pragma once
/* Maps: memory that modules share and that outlives their versions. Found again by name, checked for shape.
 *
 * Who may call: the table functions on core 0 outside interrupts; lookup, update and delete on any core in any context.
 * Lifetime of a value, as in Linux with preallocated maps: the memory behind a pointer that lookup gave stays mapped as
 * long as the map lives. After a delete it may come to hold another key's value; the longest-free entry is reused first.
 * An update overwrites a value in place: a program that reads it at that moment may see part of each. */

#include "bpf/program.h"
#include "gen/abi_messages.h"
#include "lib/span.h"
#include "telemetry/spinlock.h"
#include <stdint.h>

#define MAPS_LIMIT 64u

/* Results of update and delete: Linux's errno values, negated. */
enum map_result : int64_t {
    MAP_DONE = 0,
    MAP_NOT_PERMITTED = -1,
    MAP_ABSENT = -2,
    MAP_FULL = -7,
    MAP_AGAIN = -11,
    MAP_EXISTS = -17,
    MAP_INVALID = -22,
};
enum map_update_flag : uint64_t { MAP_UPDATE_ANY = 0, MAP_UPDATE_IF_ABSENT = 1, MAP_UPDATE_IF_PRESENT = 2 };

struct map_definition {
    struct span name; /* 1..NAME_BYTES */
    struct bpf_map_shape shape;
    struct span init; /* contents of entry 0; may be shorter than a value */
};

struct bpf_map {
    struct bpf_map_shape shape;
    uint32_t stride;      /* arrays: value_size rounded up to 8 */
    uint32_t core_stride; /* percpu_array: bytes of one core's values, multiple of 64 */
    uint8_t *values;      /* arrays: all values; hash: all entries; ring buffers: all records */
    struct spinlock lock; /* hash: guards all that is its own; ring buffers: `lost` and `produced` */
    uint32_t lost;        /* ring buffers: see bpf/maps/ring.h, with the two below */
    uint64_t produced;
    uint64_t taken;
    /* Hash only. `sequence` is odd while chains change, so that lookups need no lock. */
    uint32_t sequence;
    uint32_t used;         /* entries in use */
    uint32_t entry_stride; /* header, key and value of one entry */
    uint32_t value_offset; /* of the value in an entry */
    uint32_t bucket_mask;
    uint32_t free_first; /* entry that was freed longest ago */
    uint32_t free_last;
    uint32_t *buckets; /* first entry of each chain, or no entry */
    /* Table only. */
    uint32_t users; /* module versions that hold it; 0: this place is free */
    char name[NAME_BYTES + 1];
};

/* Finds the map of this name or makes it, and counts one user more. A read-only map is found only with equal contents;
 * else a new one is made beside it. STATUS_MAP_SHAPE, STATUS_BAD_MAP_DEFINITION, STATUS_POOL_FULL. */
[[nodiscard]] enum status map_acquire(const struct map_definition *definition, struct bpf_map **out);
/* One user less; the last one frees it, when no core can be using it any more. */
void map_release(struct bpf_map *map);
/* The map of this name that programs may write, or else the newest of constants, or null. */
struct bpf_map *map_find(struct span name);
/* The i-th map, or null. */
struct bpf_map *map_at(uint32_t i);
uint32_t map_entries(const struct bpf_map *map);

void *map_lookup(struct bpf_map *map, const void *key);
enum map_result map_update(struct bpf_map *map, const void *key, const void *value, uint64_t flags);
enum map_result map_delete(struct bpf_map *map, const void *key);

/* For the host, core 0. Copies under the map's lock; `value` holds map_host_value_bytes(). The keys of a ring buffer are
 * positions: the first one is that of what was not taken, writing takes what lies before, ring_peek() reads. */
uint32_t map_host_value_bytes(const struct bpf_map *map);
[[nodiscard]] enum status map_host_read(struct bpf_map *map, const void *key, uint8_t *value);
[[nodiscard]] enum status map_host_write(struct bpf_map *map, const void *key, const uint8_t *value);
/* The key after `key`, or the first one when key is null. STATUS_NO_ENTRY at the end. */
[[nodiscard]] enum status map_next_key(struct bpf_map *map, const void *key, uint8_t *out);
