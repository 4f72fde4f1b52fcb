#include "patch/program_hash.h"
#include "lib/mem.h"

static void hash_u32(struct sha256 *hash, uint32_t value) {
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    sha256_add(hash, (struct span){bytes, sizeof(bytes)});
}

static void hash_map(struct sha256 *hash, const struct map_definition *map) {
    uint8_t name[NAME_BYTES + 1] = {};
    memcpy(name, map->name.data, map->name.size);
    sha256_add(hash, (struct span){name, sizeof(name)});
    hash_u32(hash, map->shape.type);
    hash_u32(hash, map->shape.key_size);
    hash_u32(hash, map->shape.value_size);
    hash_u32(hash, map->shape.max_entries);
    hash_u32(hash, map->shape.flags);
    hash_u32(hash, map->init.size);
    sha256_add(hash, map->init);
}

void program_hash(const struct patch *patch, uint8_t digest[SHA256_BYTES]) {
    struct sha256 hash;
    sha256_start(&hash);
    hash_u32(&hash, patch->hook);
    hash_u32(&hash, patch->code.size); /* else code and maps could run into each other */
    sha256_add(&hash, patch->code);
    for (uint32_t i = 0; i < patch->map_count; i++) { hash_map(&hash, &patch->maps[i]); }
    sha256_end(&hash, digest);
}
