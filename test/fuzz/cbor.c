/* What is deterministic can be skipped as one item that is the whole; no reader leaves its input. */
#include "lib/cbor.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct span item = {data, (uint32_t)size};
    struct cbor_reader in = {data, (uint32_t)size, 0};
    const bool skipped = cbor_skip(&in) == STATUS_OK;
    MUST(in.pos <= size && (skipped || in.pos == 0));
    uint32_t at = 0;
    if (cbor_is_deterministic(item, &at)) { MUST(skipped && in.pos == size); }
    MUST(at <= size);
    for (in.pos = 0; in.pos < size;) {
        const uint32_t before = in.pos;
        struct span span = {};
        uint64_t number;
        uint32_t count;
        bool flag;
        const bool taken = cbor_get_uint(&in, &number) == STATUS_OK || cbor_get_bool(&in, &flag) == STATUS_OK ||
                           cbor_get_bytes(&in, &span) == STATUS_OK || cbor_get_text(&in, &span) == STATUS_OK ||
                           cbor_get_array(&in, &count) == STATUS_OK || cbor_get_map(&in, &count) == STATUS_OK ||
                           cbor_get_tag(&in, &number) == STATUS_OK;
        MUST(taken == (in.pos > before) && in.pos <= size);
        if (span.size > 0) { MUST(span.data >= data && span.data + span.size == data + in.pos); }
        if (!taken) { in.pos++; }
    }
    return 0;
}
