#pragma once
/* Base64 (RFC 4648 §4), strict: no white space, padding exactly where it belongs, unused bits zero. */

#include "gen/abi_status.h"
#include "lib/span.h"
#include <stdint.h>

/* Bytes of text for so many bytes of data. */
static inline uint32_t base64_size(uint32_t data_size) { return (data_size + 2u) / 3u * 4u; }

/* Writes base64_size(data.size) characters to `out`; returns that number. */
uint32_t base64_encode(struct span data, uint8_t *out);

/* Decodes into `out`. `size` is the number of bytes written.
 * STATUS_CORRUPT: not base64. STATUS_TOO_LONG: more than `capacity` bytes. In both cases `out` may have been written to. */
[[nodiscard]] enum status base64_decode(struct span text, uint8_t *out, uint32_t capacity, uint32_t *size);
