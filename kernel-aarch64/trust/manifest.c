#include "trust/manifest.h"
#include "lib/cbor.h"
#include "lib/mem.h"

constexpr uint32_t PAIRS = 7;

static bool get_root(struct cbor_reader *in, struct image_manifest *out) {
    struct span root;
    if (cbor_get_bytes(in, &root) != STATUS_OK || root.size != 32) { return false; }
    out->root = root.data;
    return true;
}

static bool get_value(struct cbor_reader *in, uint32_t key, struct image_manifest *out) {
    switch (key) {
    case IMAGE_KEY_BOARD_CLASS: return cbor_get_text(in, &out->board_class) == STATUS_OK;
    case IMAGE_KEY_BYTES: return cbor_get_u32(in, &out->bytes) == STATUS_OK;
    case IMAGE_KEY_ROOT: return get_root(in, out);
    case IMAGE_KEY_MEMORY_BYTES: return cbor_get_u32(in, &out->memory_bytes) == STATUS_OK;
    case IMAGE_KEY_BUILD: return cbor_get_text(in, &out->build) == STATUS_OK && out->build.size <= 40;
    case IMAGE_KEY_VERSION: return cbor_get_text(in, &out->version) == STATUS_OK && out->version.size <= 31;
    case IMAGE_KEY_SEQUENCE: return cbor_get_uint(in, &out->sequence) == STATUS_OK;
    default: return false;
    }
}

/* Deterministic, so keys ascend: seven of them that are all known are all of them. */
static bool decode(struct span payload, struct image_manifest *out) {
    struct cbor_reader in = {payload.data, payload.size, 0};
    uint32_t at, pairs;
    if (!cbor_is_deterministic(payload, &at) || cbor_get_map(&in, &pairs) != STATUS_OK || pairs != PAIRS) { return false; }
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t key;
        if (cbor_get_u32(&in, &key) != STATUS_OK || !get_value(&in, key, out)) { return false; }
    }
    return true;
}

enum status manifest_open(struct span page, struct image_manifest *out, struct refusal *refusal) {
    uint64_t magic;
    uint32_t size;
    *out = (struct image_manifest){};
    if (page.size < UPDATE_HEADER_BYTES) { return STATUS_BAD_IMAGE; }
    memcpy(&magic, page.data, sizeof(magic));
    memcpy(&size, page.data + sizeof(magic), sizeof(size));
    if (magic != UPDATE_MAGIC || size > page.size - UPDATE_HEADER_BYTES) { return STATUS_BAD_IMAGE; }
    struct signer signer;
    struct span payload;
    const struct span message = {page.data + UPDATE_HEADER_BYTES, size};
    const enum status status = keys_open(message, ROLE_IMAGE, &signer, &payload, refusal);
    if (status != STATUS_OK) { return status; }
    return decode(payload, out) ? STATUS_OK : STATUS_BAD_IMAGE;
}
