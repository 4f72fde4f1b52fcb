/* A patch: as a message, which no random input can sign, and as a payload whose signature is taken for good. */
#include "patch/boot_id.h"
#include "trust/cose.h"
#include "patch/payload.h"
#include "check.h"

static void must_be_inside(struct span part, struct span whole) {
    if (part.size > 0) { MUST(part.data >= whole.data && part.data + part.size <= whole.data + whole.size); }
}

static void must_be_name(struct span name) {
    MUST(name.size >= 1 && name.size <= NAME_BYTES);
    for (uint32_t i = 0; i < name.size; i++) { MUST(name.data[i] > ' ' && name.data[i] <= '~' && name.data[i] != '/'); }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t key[32] = {1};
    static struct patch patch;
    const struct span input = {data, (uint32_t)size};
    struct span payload;
    struct refusal refusal = {};
    MUST(cose_verify(input, key, &payload) != STATUS_OK);
    const enum status status = patch_decode(input, &patch, &refusal);
    MUST(status == STATUS_OK || (status == STATUS_BAD_PATCH && refusal.message[0] != 0));
    if (status != STATUS_OK) { return 0; }
    must_be_name(patch.name);
    must_be_inside(patch.code, input);
    must_be_inside(patch.certificate, input);
    MUST(patch.boot.size == BOOT_ID_BYTES && patch.map_count <= MAX_MAPS_PER_PROGRAM && patch.proof <= 2);
    for (uint32_t i = 0; i < patch.map_count; i++) {
        must_be_name(patch.maps[i].name);
        must_be_inside(patch.maps[i].init, input);
    }
    return 0;
}
