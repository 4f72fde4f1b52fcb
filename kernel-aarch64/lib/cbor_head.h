#pragma once
/* The first bytes of a CBOR item; shared by the readers. Pure. */

#include "lib/cbor.h"

/* RFC 8949 §3: the three high bits of the first byte are the major type, the five low ones say where the argument is. */
enum major : uint8_t {
    MAJOR_UINT = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_ARRAY = 4,
    MAJOR_MAP = 5,
    MAJOR_TAG = 6,
    MAJOR_SIMPLE = 7,
};

constexpr uint8_t INFO_ONE_BYTE = 24;    /* the argument follows in 1, 2, 4 or 8 bytes: 24..27 */
constexpr uint8_t INFO_EIGHT_BYTES = 27; /* 28..31: reserved, or indefinite length, which nothing here sends */
constexpr uint8_t SIMPLE_FALSE = 20;     /* RFC 8949 §3.3 */
constexpr uint8_t SIMPLE_TRUE = 21;
constexpr uint8_t SIMPLE_NULL = 22;
constexpr uint32_t CBOR_DEPTH = 8; /* deeper nesting is refused */

struct head {
    enum major major;
    uint8_t info;
    uint64_t argument;
};

/* Reads one head; on failure `in` is unchanged. */
[[nodiscard]] static inline enum status get_head(struct cbor_reader *in, struct head *out) {
    if (in->pos >= in->size) { return STATUS_CORRUPT; }
    const uint8_t first = in->data[in->pos];
    const uint8_t info = first & 31u;
    if (info > INFO_EIGHT_BYTES) { return STATUS_CORRUPT; }
    const uint32_t extra = info < INFO_ONE_BYTE ? 0 : 1u << (info - INFO_ONE_BYTE);
    if (in->size - in->pos - 1u < extra) { return STATUS_CORRUPT; }
    uint64_t argument = extra == 0 ? info : 0;
    for (uint32_t i = 0; i < extra; i++) { argument = argument << 8 | in->data[in->pos + 1u + i]; }
    *out = (struct head){(enum major)(first >> 5), info, argument};
    in->pos += 1u + extra;
    return STATUS_OK;
}
