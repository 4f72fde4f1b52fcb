#include "lib/record.h"

struct field {
    const uint8_t *description; /* of the next field */
    struct span name;
    uint32_t end; /* of the member, in bytes */
    uint32_t limit;
    enum record_kind kind;
    bool optional;
};

/* Moves on to the next field; returns where its member lies. */
static uint32_t next_field(struct field *field, bool limited) {
    static const uint8_t sizes[] = {[RECORD_U32] = 4, [RECORD_U64] = 8, [RECORD_BOOL] = 1, [RECORD_TEXT] = 16, [RECORD_BYTES] = 16};
    static_assert(sizeof(struct span) == 16 && alignof(struct span) == 8);
    const uint8_t *at = field->description;
    const uint8_t head = *at++;
    field->kind = head & 7;
    const uint32_t size = sizes[field->kind];
    const uint32_t alignment = size < 8 ? size : 8;
    const uint32_t member = (field->end + field->optional + alignment - 1) & ~(alignment - 1);
    field->optional = (head & RECORD_OPTIONAL) != 0;
    field->end = member + size;
    field->name = (struct span){at, head >> RECORD_NAME_SHIFT};
    at += field->name.size;
    if (limited && size == sizeof(struct span)) {
        field->limit = at[0] | (uint32_t)at[1] << 8;
        at += 2;
    }
    field->description = at;
    return member;
}

static enum status get_member(const struct field *field, struct cbor_reader *in, void *member) {
    const struct span *span = member;
    enum status status = STATUS_OK;
    switch (field->kind) {
    case RECORD_U32: return cbor_get_u32(in, member);
    case RECORD_U64: return cbor_get_uint(in, member);
    case RECORD_BOOL: return cbor_get_bool(in, member);
    case RECORD_TEXT: status = cbor_get_text(in, member); break;
    case RECORD_BYTES: status = cbor_get_bytes(in, member); break;
    }
    return status == STATUS_OK && span->size <= field->limit ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

/* Decodes what follows `key`; bits of `seen` say which fields were there. */
static enum status get_pair(const uint8_t *description, struct span key, struct cbor_reader *in, uint8_t *out,
                            uint32_t *seen) {
    struct field field = {.description = description + 1};
    for (uint32_t i = 0; i < *description; i++) {
        const uint32_t member = next_field(&field, true);
        if (!span_equal(key, field.name)) { continue; }
        if ((*seen >> i & 1) != 0) { return STATUS_INVALID_ARGUMENT; }
        *seen |= 1u << i;
        if (field.optional) { out[field.end] = true; }
        return get_member(&field, in, out + member);
    }
    return cbor_skip(in);
}

static uint32_t required(const uint8_t *description) {
    struct field field = {.description = description + 1};
    uint32_t mask = 0;
    for (uint32_t i = 0; i < *description; i++) {
        (void)next_field(&field, true);
        if (!field.optional) { mask |= 1u << i; }
    }
    return mask;
}

enum status record_decode(const uint8_t *description, struct cbor_reader *in, void *out) {
    uint32_t pairs = 0;
    uint32_t seen = 0;
    if (cbor_get_map(in, &pairs) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    for (uint32_t i = 0; i < pairs; i++) {
        struct span key;
        if (cbor_get_text(in, &key) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
        if (get_pair(description, key, in, out, &seen) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    }
    return (~seen & required(description)) == 0 && in->pos == in->size ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

void record_encode(const uint8_t *description, struct cbor_writer *out, const void *record) {
    struct field field = {.description = description + 1};
    cbor_put_map(out, *description);
    for (uint32_t i = 0; i < *description; i++) {
        const void *member = (const uint8_t *)record + next_field(&field, false);
        cbor_put_text(out, field.name);
        switch (field.kind) {
        case RECORD_U32: cbor_put_uint(out, *(const uint32_t *)member); break;
        case RECORD_U64: cbor_put_uint(out, *(const uint64_t *)member); break;
        case RECORD_BOOL: cbor_put_bool(out, *(const bool *)member); break;
        case RECORD_TEXT: cbor_put_text(out, *(const struct span *)member); break;
        case RECORD_BYTES: cbor_put_bytes(out, *(const struct span *)member); break;
        }
    }
}
