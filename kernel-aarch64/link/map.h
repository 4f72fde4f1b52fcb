#pragma once
/* One text argument out of a request's map; enough for the groups whose messages are not declared in abi/. */

#include "lib/cbor.h"

/* The value of `key`, which must be there and be text. STATUS_INVALID_ARGUMENT otherwise. */
[[nodiscard]] static inline enum status map_text(struct cbor_reader *in, struct span key, struct span *out) {
    uint32_t pairs = 0;
    bool found = false;
    if (cbor_get_map(in, &pairs) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    for (uint32_t i = 0; i < pairs; i++) {
        struct span name;
        if (cbor_get_text(in, &name) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
        if (span_equal(name, key)) {
            if (cbor_get_text(in, out) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
            found = true;
        } else if (cbor_skip(in) != STATUS_OK) {
            return STATUS_INVALID_ARGUMENT;
        }
    }
    return found ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}
