#include "link/map.h"

enum status map_seek(const struct cbor_reader *in, struct span key, struct cbor_reader *at) {
    struct cbor_reader walk = *in;
    uint32_t pairs = 0;
    bool found = false;
    if (cbor_get_map(&walk, &pairs) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    for (uint32_t i = 0; i < pairs; i++) {
        struct span name;
        if (cbor_get_text(&walk, &name) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
        if (span_equal(name, key)) {
            if (found) { return STATUS_INVALID_ARGUMENT; }
            *at = walk;
            found = true;
        }
        if (cbor_skip(&walk) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    }
    return found ? STATUS_OK : STATUS_NO_ENTRY;
}

#define MAP_REQUIRED(name, type, get)                                                            \
    enum status name(const struct cbor_reader *in, struct span key, type *out) {                 \
        struct cbor_reader at;                                                                   \
        const bool there = map_seek(in, key, &at) == STATUS_OK && get(&at, out) == STATUS_OK;    \
        return there ? STATUS_OK : STATUS_INVALID_ARGUMENT;                                      \
    }
MAP_REQUIRED(map_text, struct span, cbor_get_text)
MAP_REQUIRED(map_bytes, struct span, cbor_get_bytes)
MAP_REQUIRED(map_u32, uint32_t, cbor_get_u32)

#define MAP_OPTIONAL(name, type, get)                                             \
    bool name(const struct cbor_reader *in, struct span key, type *out) {         \
        struct cbor_reader at;                                                    \
        const enum status status = map_seek(in, key, &at);                        \
        if (status == STATUS_NO_ENTRY) { return true; }                           \
        return status == STATUS_OK && get(&at, out) == STATUS_OK;                 \
    }
MAP_OPTIONAL(map_optional_bytes, struct span, cbor_get_bytes)
MAP_OPTIONAL(map_optional_u32, uint32_t, cbor_get_u32)
MAP_OPTIONAL(map_optional_bool, bool, cbor_get_bool)
