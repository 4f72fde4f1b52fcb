#pragma once
/* Flat CBOR maps with text keys, to structs and back, by a description of the struct (abi/emit-messages.ts).
 *
 * A description is the number of fields, then for each one its head and its name, and in that of a request the largest
 * size (u16le) of what has a size. Head: bits 0..2 what it is, bit 3 whether it is optional, bits 4..7 length of the
 * name. Members of the struct come in the same order, as C aligns them; an optional one is followed by a bool, which
 * says whether it was there. */

#include "lib/cbor.h"

enum record_kind : uint8_t { RECORD_U32, RECORD_U64, RECORD_BOOL, RECORD_TEXT, RECORD_BYTES };

constexpr uint8_t RECORD_OPTIONAL = 8;
constexpr uint8_t RECORD_NAME_SHIFT = 4;

/* Fills `out`, which is all zero before. Unknown keys are skipped. STATUS_INVALID_ARGUMENT: a field is missing, comes twice
 * or does not match its description, or something follows the map. */
[[nodiscard]] enum status record_decode(const uint8_t *description, struct cbor_reader *in, void *out);

/* Puts every field; none of them is optional. */
void record_encode(const uint8_t *description, struct cbor_writer *out, const void *record);
