#include "trust/policy.h"
#include "lib/cbor.h"

#define BIT(key) (1u << (key))

constexpr uint32_t LENGTH_BYTES = 2;
constexpr uint32_t PUBLIC_KEY_BYTES = 32;
constexpr uint32_t DOORS_ALL = 2 * DOOR_KEYS - 1;

static bool get_u32(struct cbor_reader *in, uint32_t *out) { return cbor_get_u32(in, out) == STATUS_OK; }

static bool get_public_key(struct cbor_reader *in, const uint8_t **out) {
    struct span key;
    if (cbor_get_bytes(in, &key) != STATUS_OK || key.size != PUBLIC_KEY_BYTES) { return false; }
    *out = key.data;
    return true;
}

/* The bytes of an array, each item of which `take` accepts. */
static bool get_array(struct cbor_reader *in, bool (*take)(struct cbor_reader *in), struct span *out) {
    const uint32_t start = in->pos;
    uint32_t items;
    if (cbor_get_array(in, &items) != STATUS_OK) { return false; }
    for (uint32_t i = 0; i < items; i++) {
        if (!take(in)) { return false; }
    }
    *out = (struct span){in->data + start, in->pos - start};
    return true;
}

static bool take_text(struct cbor_reader *in) {
    struct span text;
    return cbor_get_text(in, &text) == STATUS_OK && text.size > 0;
}

static bool take_number(struct cbor_reader *in) {
    uint32_t number;
    return get_u32(in, &number);
}

static bool get_field(struct cbor_reader *in, uint32_t field, struct policy_key *key) {
    switch (field) {
    case POLICY_KEY_KEY_PUBLIC_KEY: return get_public_key(in, &key->public_key);
    case POLICY_KEY_KEY_ROLES: return get_u32(in, &key->roles);
    case POLICY_KEY_KEY_DOORS: return get_u32(in, &key->doors) && (key->doors & ~DOORS_ALL) == 0;
    case POLICY_KEY_KEY_MODULES: return get_array(in, take_text, &key->modules);
    case POLICY_KEY_KEY_HOOKS: return get_u32(in, &key->hooks);
    case POLICY_KEY_KEY_HELPERS: return get_array(in, take_number, &key->helpers);
    case POLICY_KEY_KEY_MAPS: return get_array(in, take_text, &key->maps);
    case POLICY_KEY_KEY_BUDGET: return cbor_get_uint(in, &key->budget) == STATUS_OK;
    case POLICY_KEY_KEY_CORES: return get_u32(in, &key->cores);
    case POLICY_KEY_KEY_SWAPS: return get_u32(in, &key->swaps) && key->swaps >= 1 && key->swaps <= SWAPS_LIMIT;
    case POLICY_KEY_KEY_PROOFS: return get_u32(in, &key->proofs);
    case POLICY_KEY_KEY_PERIOD: return get_u32(in, &key->period_us);
    default: return false; /* a limit that this release does not know must not be passed over */
    }
}

static bool get_key(struct cbor_reader *in, struct policy_key *key) {
    uint32_t pairs;
    *key = (struct policy_key){.hooks = UINT32_MAX, .budget = UINT64_MAX, .cores = UINT32_MAX, .proofs = UINT32_MAX};
    if (cbor_get_map(in, &pairs) != STATUS_OK) { return false; }
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t field;
        if (!get_u32(in, &field) || !get_field(in, field, key)) { return false; }
    }
    return key->public_key != nullptr;
}

static bool get_keys(struct cbor_reader *in, struct policy *policy) {
    if (cbor_get_array(in, &policy->count) != STATUS_OK || policy->count > POLICY_KEYS) { return false; }
    for (uint32_t i = 0; i < policy->count; i++) {
        if (!get_key(in, &policy->keys[i])) { return false; }
    }
    return true;
}

static bool get_policy(struct cbor_reader *in, struct policy *policy) {
    uint32_t pairs, key;
    if (cbor_get_map(in, &pairs) != STATUS_OK || pairs != 2) { return false; }
    if (!get_u32(in, &key) || key != POLICY_KEY_OPEN || !get_u32(in, &policy->open)) { return false; }
    if ((policy->open & ~DOORS_ALL) != 0 || (policy->open & DOOR_KEYS) != 0) { return false; }
    return get_u32(in, &key) && key == POLICY_KEY_KEYS && get_keys(in, policy);
}

enum status policy_decode(struct span block, struct policy *out) {
    *out = (struct policy){};
    if (block.size < LENGTH_BYTES) { return STATUS_BAD_POLICY; }
    const uint32_t size = block.data[0] | (uint32_t)block.data[1] << 8;
    if (size == 0) { return STATUS_NO_KEY; }
    const struct span map = {block.data + LENGTH_BYTES, size};
    struct cbor_reader in = {map.data, map.size, 0};
    uint32_t at;
    if (size <= block.size - LENGTH_BYTES && cbor_is_deterministic(map, &at) && get_policy(&in, out)) { return STATUS_OK; }
    *out = (struct policy){};
    return STATUS_BAD_POLICY;
}

/* A last * stands for any rest. */
static bool matches(struct span pattern, struct span name) {
    if (pattern.data[pattern.size - 1] != '*') { return span_equal(pattern, name); }
    const uint32_t size = pattern.size - 1;
    return name.size >= size && span_equal((struct span){pattern.data, size}, (struct span){name.data, size});
}

bool policy_allows_name(struct span names, struct span name) {
    struct cbor_reader in = {names.data, names.size, 0};
    uint32_t items;
    if (names.size == 0 || cbor_get_array(&in, &items) != STATUS_OK) { return names.size == 0; }
    for (struct span pattern; cbor_get_text(&in, &pattern) == STATUS_OK;) {
        if (matches(pattern, name)) { return true; }
    }
    return false;
}

bool policy_allows_helper(const struct policy_key *key, uint32_t helper) {
    struct cbor_reader in = {key->helpers.data, key->helpers.size, 0};
    uint32_t items;
    if (key->helpers.size == 0 || cbor_get_array(&in, &items) != STATUS_OK) { return key->helpers.size == 0; }
    for (uint32_t allowed; cbor_get_u32(&in, &allowed) == STATUS_OK;) {
        if (allowed == helper) { return true; }
    }
    return false;
}
