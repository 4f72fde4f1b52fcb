#pragma once
/* The readers of lib/cbor.h by number, for tests that choose among them. */

#include "lib/cbor.h"

#define CBOR_GETTERS 9u

/* What the getter gives, where it gives anything. */
struct cbor_taken {
    uint64_t number;
    uint32_t count;
    bool flag;
    struct span span;
};

/* `getter` is below CBOR_GETTERS. */
[[nodiscard]] static inline enum status cbor_get_any(struct cbor_reader *in, uint32_t getter, struct cbor_taken *out) {
    *out = (struct cbor_taken){};
    switch (getter) {
    case 0: return cbor_get_uint(in, &out->number);
    case 1: return cbor_get_u32(in, &out->count);
    case 2: return cbor_get_bool(in, &out->flag);
    case 3: return cbor_get_bytes(in, &out->span);
    case 4: return cbor_get_text(in, &out->span);
    case 5: return cbor_get_array(in, &out->count);
    case 6: return cbor_get_map(in, &out->count);
    case 7: return cbor_get_tag(in, &out->number);
    default: return cbor_skip(in);
    }
}
