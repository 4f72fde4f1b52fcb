#pragma once
/* Arguments out of a request's map, by their text keys; for the groups whose messages are not declared in abi/. */

#include "lib/cbor.h"

/* Puts `at` before the value of `key`. STATUS_NO_ENTRY: it is not there. STATUS_INVALID_ARGUMENT: the payload is no map, or
 * says it twice. */
[[nodiscard]] enum status map_seek(const struct cbor_reader *in, struct span key, struct cbor_reader *at);

/* The value of `key`, which must be there. STATUS_INVALID_ARGUMENT otherwise. */
[[nodiscard]] enum status map_text(const struct cbor_reader *in, struct span key, struct span *out);
[[nodiscard]] enum status map_bytes(const struct cbor_reader *in, struct span key, struct span *out);
[[nodiscard]] enum status map_u32(const struct cbor_reader *in, struct span key, uint32_t *out);

/* The same where it may be missing: then `out` stays as it is. False when it is there and something else. */
[[nodiscard]] bool map_optional_bytes(const struct cbor_reader *in, struct span key, struct span *out);
[[nodiscard]] bool map_optional_u32(const struct cbor_reader *in, struct span key, uint32_t *out);
[[nodiscard]] bool map_optional_bool(const struct cbor_reader *in, struct span key, bool *out);
