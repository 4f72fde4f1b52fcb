#pragma once
/* Ed25519 verification (RFC 8032 §5.1.7). There is no signing on a board. Variable time: everything here is public. */

#include "lib/span.h"
#include <stdint.h>

constexpr uint32_t ED25519_KEY_BYTES = 32;
constexpr uint32_t ED25519_SIGNATURE_BYTES = 64;

/* True when `signature` is one of `key` over the parts, one after the other.
 *
 * The check is [S]B = R + [k]A without cofactor, by comparing the encoding of [S]B - [k]A with R, so it accepts what
 * OpenSSL, and so Node.js, accepts, and nothing that a cofactored check would add. Refused besides: S from L on, an R or
 * a key in another than its canonical encoding, and a key of small order, under which anybody can sign. */
[[nodiscard]] bool ed25519_verify(const uint8_t key[ED25519_KEY_BYTES], const uint8_t signature[ED25519_SIGNATURE_BYTES],
                                  const struct span *parts, uint32_t count);
