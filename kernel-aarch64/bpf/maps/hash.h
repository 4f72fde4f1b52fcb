#pragma once
/* Hash maps with entries made beforehand; see map.h for who may call and how long values live. */

#include "bpf/maps/map.h"

/* Bytes that a hash map of this shape needs; 0 when the shape is out of range. */
uint64_t hash_bytes(const struct bpf_map_shape *shape);
/* `map->values` points to hash_bytes() zeroed bytes. */
void hash_init(struct bpf_map *map);

void *hash_lookup(struct bpf_map *map, const void *key);
enum map_result hash_update(struct bpf_map *map, const void *key, const void *value, uint64_t flags);
enum map_result hash_delete(struct bpf_map *map, const void *key);
[[nodiscard]] enum status hash_read(struct bpf_map *map, const void *key, uint8_t *value);
[[nodiscard]] enum status hash_next_key(struct bpf_map *map, const void *key, uint8_t *out);
