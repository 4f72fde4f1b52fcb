#include "lib/cbor.h"
#include "lib/cbor_head.h"

/* Reads a head of one major type; on failure `in` is unchanged. */
static enum status get_major(struct cbor_reader *in, enum major major, uint64_t *argument) {
    const uint32_t start = in->pos;
    struct head head;
    if (get_head(in, &head) != STATUS_OK) { return STATUS_CORRUPT; }
    if (head.major != major) {
        in->pos = start;
        return STATUS_CORRUPT;
    }
    *argument = head.argument;
    return STATUS_OK;
}

enum status cbor_get_uint(struct cbor_reader *in, uint64_t *out) { return get_major(in, MAJOR_UINT, out); }

enum status cbor_get_u32(struct cbor_reader *in, uint32_t *out) {
    const uint32_t start = in->pos;
    uint64_t value = 0;
    if (get_major(in, MAJOR_UINT, &value) != STATUS_OK) { return STATUS_CORRUPT; }
    if (value > UINT32_MAX) {
        in->pos = start;
        return STATUS_CORRUPT;
    }
    *out = (uint32_t)value;
    return STATUS_OK;
}

enum status cbor_get_bool(struct cbor_reader *in, bool *out) {
    const uint32_t start = in->pos;
    struct head head;
    if (get_head(in, &head) != STATUS_OK) { return STATUS_CORRUPT; }
    if (head.major != MAJOR_SIMPLE || (head.info != SIMPLE_FALSE && head.info != SIMPLE_TRUE)) {
        in->pos = start;
        return STATUS_CORRUPT;
    }
    *out = head.info == SIMPLE_TRUE;
    return STATUS_OK;
}

static enum status get_string(struct cbor_reader *in, enum major major, struct span *out) {
    const uint32_t start = in->pos;
    uint64_t size = 0;
    if (get_major(in, major, &size) != STATUS_OK) { return STATUS_CORRUPT; }
    if (size > in->size - in->pos) {
        in->pos = start;
        return STATUS_CORRUPT;
    }
    *out = (struct span){in->data + in->pos, (uint32_t)size};
    in->pos += (uint32_t)size;
    return STATUS_OK;
}

enum status cbor_get_bytes(struct cbor_reader *in, struct span *out) { return get_string(in, MAJOR_BYTES, out); }
enum status cbor_get_text(struct cbor_reader *in, struct span *out) { return get_string(in, MAJOR_TEXT, out); }

/* A count that the remaining bytes cannot hold is refused here, so that nobody loops over it. */
static enum status get_count(struct cbor_reader *in, enum major major, uint32_t bytes_per_item, uint32_t *out) {
    const uint32_t start = in->pos;
    uint64_t count = 0;
    if (get_major(in, major, &count) != STATUS_OK) { return STATUS_CORRUPT; }
    if (count > (in->size - in->pos) / bytes_per_item) {
        in->pos = start;
        return STATUS_CORRUPT;
    }
    *out = (uint32_t)count;
    return STATUS_OK;
}

enum status cbor_get_array(struct cbor_reader *in, uint32_t *items) { return get_count(in, MAJOR_ARRAY, 1, items); }
enum status cbor_get_map(struct cbor_reader *in, uint32_t *pairs) { return get_count(in, MAJOR_MAP, 2, pairs); }
enum status cbor_get_tag(struct cbor_reader *in, uint64_t *tag) { return get_major(in, MAJOR_TAG, tag); }

/* Skips the rest of an item whose head was read, and adds what it holds to `children`. */
static enum status skip_body(struct cbor_reader *in, struct head head, uint64_t *children) {
    const uint32_t left = in->size - in->pos;
    *children = 0;
    switch (head.major) {
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        if (head.argument > left) { return STATUS_CORRUPT; }
        in->pos += (uint32_t)head.argument;
        return STATUS_OK;
    case MAJOR_ARRAY:
    case MAJOR_MAP:
        if (head.argument > left) { return STATUS_CORRUPT; }
        *children = head.major == MAJOR_MAP ? 2 * head.argument : head.argument;
        return STATUS_OK;
    case MAJOR_TAG:
        *children = 1;
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}

enum status cbor_skip(struct cbor_reader *in) {
    const uint32_t start = in->pos;
    uint64_t open[CBOR_DEPTH + 1] = {1}; /* items still to skip at each level */
    uint32_t depth = 0;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0) { return STATUS_OK; }
            depth--;
        }
        open[depth]--;
        struct head head;
        uint64_t children = 0;
        if (get_head(in, &head) != STATUS_OK || skip_body(in, head, &children) != STATUS_OK) { break; }
        if (children == 0) { continue; }
        if (depth == CBOR_DEPTH) { break; }
        open[++depth] = children;
    }
    in->pos = start;
    return STATUS_CORRUPT;
}

static void put_raw(struct cbor_writer *out, const uint8_t *data, uint32_t size) {
    if (out->overflow || size > out->capacity - out->size) {
        out->overflow = true;
        return;
    }
    for (uint32_t i = 0; i < size; i++) { out->out[out->size + i] = data[i]; }
    out->size += size;
}

/* Always the shortest form (RFC 8949 §4.2.1). */
static void put_head(struct cbor_writer *out, enum major major, uint64_t argument) {
    uint8_t head[9];
    const uint8_t high = (uint8_t)(major << 5);
    if (argument < INFO_ONE_BYTE) {
        head[0] = high | (uint8_t)argument;
        put_raw(out, head, 1);
        return;
    }
    const uint32_t log2_size = argument > UINT32_MAX ? 3 : argument > UINT16_MAX ? 2 : argument > UINT8_MAX ? 1 : 0;
    const uint32_t size = 1u << log2_size;
    head[0] = (uint8_t)(high | (INFO_ONE_BYTE + log2_size));
    for (uint32_t i = 0; i < size; i++) { head[1 + i] = (uint8_t)(argument >> (8 * (size - 1 - i))); }
    put_raw(out, head, 1 + size);
}

void cbor_put_uint(struct cbor_writer *out, uint64_t value) { put_head(out, MAJOR_UINT, value); }

void cbor_put_bool(struct cbor_writer *out, bool value) { put_head(out, MAJOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE); }

void cbor_put_bytes_head(struct cbor_writer *out, uint32_t size_bytes) { put_head(out, MAJOR_BYTES, size_bytes); }

void cbor_put_bytes(struct cbor_writer *out, struct span value) {
    cbor_put_bytes_head(out, value.size);
    put_raw(out, value.data, value.size);
}

void cbor_put_text(struct cbor_writer *out, struct span value) {
    put_head(out, MAJOR_TEXT, value.size);
    put_raw(out, value.data, value.size);
}

void cbor_put_array(struct cbor_writer *out, uint32_t items) { put_head(out, MAJOR_ARRAY, items); }
void cbor_put_map(struct cbor_writer *out, uint32_t pairs) { put_head(out, MAJOR_MAP, pairs); }
