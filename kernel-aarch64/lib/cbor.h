#pragma once
/* CBOR (RFC 8949), as much of it as SMP and COSE need: definite lengths, integers, strings, arrays, maps, tags,
 * booleans and null. Nothing is allocated; spans point into the input. Readers never read past `size`. */

#include "gen/abi_status.h"
#include "lib/span.h"
#include <stdint.h>

struct cbor_reader {
    const uint8_t *data;
    uint32_t size;
    uint32_t pos;
};

/* Writes past `capacity` are dropped and set `overflow`; check it once at the end. */
struct cbor_writer {
    uint8_t *out;
    uint32_t capacity;
    uint32_t size;
    bool overflow;
};

/* Each getter returns STATUS_OK and moves on, or STATUS_CORRUPT and leaves the position where it was. */
[[nodiscard]] enum status cbor_get_uint(struct cbor_reader *in, uint64_t *out);
[[nodiscard]] enum status cbor_get_u32(struct cbor_reader *in, uint32_t *out);
[[nodiscard]] enum status cbor_get_bool(struct cbor_reader *in, bool *out);
[[nodiscard]] enum status cbor_get_bytes(struct cbor_reader *in, struct span *out);
[[nodiscard]] enum status cbor_get_text(struct cbor_reader *in, struct span *out);
[[nodiscard]] enum status cbor_get_array(struct cbor_reader *in, uint32_t *items);
[[nodiscard]] enum status cbor_get_map(struct cbor_reader *in, uint32_t *pairs);
[[nodiscard]] enum status cbor_get_tag(struct cbor_reader *in, uint64_t *tag);
/* Skips one item with everything in it; nesting deeper than 8 is STATUS_CORRUPT. */
[[nodiscard]] enum status cbor_skip(struct cbor_reader *in);

/* True when the bytes are one item in the only encoding that RFC 8949 §4.2.1 allows: shortest heads, definite lengths,
 * keys of maps ascending and each once, nothing after it. Keys are numbers or strings; of the simple values only booleans
 * and null. Nesting deeper than 8 is refused. Else `at` is where it is broken. */
[[nodiscard]] bool cbor_is_deterministic(struct span item, uint32_t *at);

void cbor_put_uint(struct cbor_writer *out, uint64_t value);
void cbor_put_bool(struct cbor_writer *out, bool value);
void cbor_put_bytes(struct cbor_writer *out, struct span value);
/* The head of a byte string alone, for contents that go elsewhere. */
void cbor_put_bytes_head(struct cbor_writer *out, uint32_t size_bytes);
void cbor_put_text(struct cbor_writer *out, struct span value);
void cbor_put_array(struct cbor_writer *out, uint32_t items);
void cbor_put_map(struct cbor_writer *out, uint32_t pairs);
