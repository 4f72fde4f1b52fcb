#include "patch/payload.h"
#include "drivers/tick.h"
#include "gen/abi_patch.h"
#include "lib/refusal.h"
#include "patch/boot_id.h"
#include "patch/service.h"

#define BIT(key) (1u << (key))

constexpr uint32_t REQUIRED = BIT(PATCH_KEY_NAME) | BIT(PATCH_KEY_HOOK) | BIT(PATCH_KEY_BOARD_CLASS) |
                              BIT(PATCH_KEY_CODE) | BIT(PATCH_KEY_SEQUENCE) | BIT(PATCH_KEY_BOOT);
constexpr uint32_t MAP_REQUIRED = BIT(PATCH_MAP_KEY_NAME) | BIT(PATCH_MAP_KEY_TYPE) | BIT(PATCH_MAP_KEY_KEY_SIZE) |
                                  BIT(PATCH_MAP_KEY_VALUE_SIZE) | BIT(PATCH_MAP_KEY_MAX_ENTRIES);
constexpr uint32_t HASH_BYTES = 32;

static bool is_name_byte(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* `out` stays empty unless the name is sound: a refused patch is reported by it. */
static bool get_name(struct cbor_reader *in, struct span *out) {
    struct span name;
    if (cbor_get_text(in, &name) != STATUS_OK || name.size == 0 || name.size > NAME_BYTES) { return false; }
    for (uint32_t i = 0; i < name.size; i++) {
        if (!is_name_byte(name.data[i])) { return false; }
    }
    *out = name;
    return true;
}

static bool get_text(struct cbor_reader *in, struct span *out, uint32_t limit) {
    return cbor_get_text(in, out) == STATUS_OK && out->size <= limit;
}

static bool get_u32(struct cbor_reader *in, uint32_t *out) { return cbor_get_u32(in, out) == STATUS_OK; }
static bool get_u64(struct cbor_reader *in, uint64_t *out) { return cbor_get_uint(in, out) == STATUS_OK; }
static bool get_bytes(struct cbor_reader *in, struct span *out) { return cbor_get_bytes(in, out) == STATUS_OK; }

static bool get_hash(struct cbor_reader *in, struct span *out) {
    return get_bytes(in, out) && (out->size == 0 || out->size == HASH_BYTES);
}

static bool get_period(struct cbor_reader *in, uint32_t *out) {
    return get_u32(in, out) && (*out == 0 || (*out >= TICK_PERIOD_MIN_US && *out <= TICK_PERIOD_MAX_US));
}

static bool get_map_field(struct cbor_reader *in, uint64_t key, struct map_definition *map) {
    switch (key) {
    case PATCH_MAP_KEY_NAME: return get_name(in, &map->name);
    case PATCH_MAP_KEY_TYPE: return get_u32(in, &map->shape.type);
    case PATCH_MAP_KEY_KEY_SIZE: return get_u32(in, &map->shape.key_size);
    case PATCH_MAP_KEY_VALUE_SIZE: return get_u32(in, &map->shape.value_size);
    case PATCH_MAP_KEY_MAX_ENTRIES: return get_u32(in, &map->shape.max_entries);
    case PATCH_MAP_KEY_FLAGS: return get_u32(in, &map->shape.flags);
    case PATCH_MAP_KEY_INIT: return get_bytes(in, &map->init);
    default: return cbor_skip(in) == STATUS_OK;
    }
}

/* Keys from 32 on are unknown. That none is there twice follows from the encoding, which is deterministic. */
static uint32_t bit_of(uint64_t key) { return key < 32 ? BIT(key) : 0; }

static bool get_map(struct cbor_reader *in, struct map_definition *map) {
    uint32_t pairs;
    uint32_t seen = 0;
    *map = (struct map_definition){};
    if (cbor_get_map(in, &pairs) != STATUS_OK) { return false; }
    for (uint32_t i = 0; i < pairs; i++) {
        uint64_t key;
        if (!get_u64(in, &key) || !get_map_field(in, key, map)) { return false; }
        seen |= bit_of(key);
    }
    return (seen & MAP_REQUIRED) == MAP_REQUIRED;
}

static bool get_maps(struct cbor_reader *in, struct patch *patch) {
    if (cbor_get_array(in, &patch->map_count) != STATUS_OK || patch->map_count > MAX_MAPS_PER_PROGRAM) { return false; }
    for (uint32_t i = 0; i < patch->map_count; i++) {
        if (!get_map(in, &patch->maps[i])) { return false; }
    }
    return true;
}

static bool get_field(struct cbor_reader *in, uint64_t key, struct patch *patch) {
    switch (key) {
    case PATCH_KEY_NAME: return get_name(in, &patch->name);
    case PATCH_KEY_HOOK: return get_u32(in, &patch->hook);
    case PATCH_KEY_BOARD_CLASS: return get_text(in, &patch->board_class, 63);
    case PATCH_KEY_CODE: return get_bytes(in, &patch->code);
    case PATCH_KEY_MAPS: return get_maps(in, patch);
    case PATCH_KEY_CERTIFICATE: return get_bytes(in, &patch->certificate);
    case PATCH_KEY_BOUND: return get_u64(in, &patch->bound);
    case PATCH_KEY_PARENT: return get_hash(in, &patch->parent);
    case PATCH_KEY_SEQUENCE: return get_u64(in, &patch->sequence);
    case PATCH_KEY_PROPOSER: return get_text(in, &patch->proposer, 255);
    case PATCH_KEY_MODEL_HASH: return get_hash(in, &patch->model_hash);
    case PATCH_KEY_PROMPT_HASH: return get_hash(in, &patch->prompt_hash);
    case PATCH_KEY_PROOF_HASH: return get_hash(in, &patch->proof_hash);
    case PATCH_KEY_PROOF: return get_u32(in, &patch->proof) && patch->proof <= 2;
    case PATCH_KEY_CORES: return get_u32(in, &patch->cores);
    case PATCH_KEY_PERIOD_US: return get_period(in, &patch->period_us);
    case PATCH_KEY_BOOT: return get_bytes(in, &patch->boot) && patch->boot.size == BOOT_ID_BYTES;
    default: return cbor_skip(in) == STATUS_OK;
    }
}

enum status patch_decode(struct span payload, struct patch *out, struct refusal *refusal) {
    struct cbor_reader in = {.data = payload.data, .size = payload.size};
    uint32_t at, pairs;
    uint32_t seen = 0;
    *out = (struct patch){};
    if (!cbor_is_deterministic(payload, &at)) {
        return REFUSE(refusal, STATUS_BAD_PATCH, "byte %u of the payload is not deterministic CBOR", at);
    }
    if (cbor_get_map(&in, &pairs) != STATUS_OK) { return REFUSE(refusal, STATUS_BAD_PATCH, "the payload is no map"); }
    for (uint32_t i = 0; i < pairs; i++) {
        uint64_t key;
        if (!get_u64(&in, &key)) { return REFUSE(refusal, STATUS_BAD_PATCH, "pair %u has no number as key", i); }
        if (!get_field(&in, key, out)) {
            return REFUSE(refusal, STATUS_BAD_PATCH, "the value of key %lu has a wrong type or size", key);
        }
        seen |= bit_of(key);
    }
    const uint32_t missing = REQUIRED & ~seen;
    if (missing != 0) { return REFUSE(refusal, STATUS_BAD_PATCH, "key %d is missing", __builtin_ctz(missing)); }
    return STATUS_OK;
}
