#pragma once
/* One argument out of a request's map; enough for the groups whose messages are not declared in abi/. */

#include "lib/cbor.h"

/* The value of `key`, which must be there and be what `get` takes. STATUS_INVALID_ARGUMENT otherwise. */
[[nodiscard]] static inline enum status map_value(struct cbor_reader *in, struct span key, struct span *out,
                                                  enum status (*get)(struct cbor_reader *in, struct span *out)) {
    uint32_t pairs = 0;
    bool found = false;
    if (cbor_get_map(in, &pairs) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    for (uint32_t i = 0; i < pairs; i++) {
        struct span name;
        if (cbor_get_text(in, &name) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
        if (span_equal(name, key)) {
            if (found || get(in, out) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
            found = true;
        } else if (cbor_skip(in) != STATUS_OK) {
            return STATUS_INVALID_ARGUMENT;
        }
    }
    return found ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

[[nodiscard]] static inline enum status map_text(struct cbor_reader *in, struct span key, struct span *out) {
    return map_value(in, key, out, cbor_get_text);
}

[[nodiscard]] static inline enum status map_bytes(struct cbor_reader *in, struct span key, struct span *out) {
    return map_value(in, key, out, cbor_get_bytes);
}
