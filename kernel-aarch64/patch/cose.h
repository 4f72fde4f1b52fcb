#pragma once
/* COSE_Sign1 (RFC 9052 §4.2) with Ed25519 (RFC 9053 §2.2): the envelope that every patch comes in. */

#include "gen/abi_status.h"
#include "lib/span.h"
#include <stdint.h>

/* Checks one COSE_Sign1, tag 18 optional, with an empty external_aad; `payload` then points into `message`.
 * STATUS_NOT_COSE: another structure, another than the deterministic encoding, anything in the unprotected header, which
 * is not signed, or bytes after it. STATUS_BAD_ALGORITHM: the protected header is not exactly {1: -8}.
 * STATUS_NO_KEY: the key is all zero, so this image was built without one. STATUS_BAD_SIGNATURE: all the rest.
 * So one signed payload has two messages, with the tag and without. Any core; pure; needs some 6 KiB of stack. */
[[nodiscard]] enum status cose_verify(struct span message, const uint8_t key[32], struct span *payload);
