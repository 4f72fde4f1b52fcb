#pragma once
/* COSE_Sign1 (RFC 9052 §4.2) with Ed25519 (RFC 9053 §2.2): the envelope of all that is signed. Pure. */

#include "gen/abi_policy.h"
#include "gen/abi_status.h"
#include "lib/span.h"
#include <stdint.h>

/* Spans point into the message. */
struct sign1 {
    struct span header;    /* as it was signed */
    struct span key_id;    /* KEY_ID_BYTES */
    struct span payload;   /* not to be believed before cose_check() */
    struct span signature; /* of any size */
};

/* Takes one COSE_Sign1 apart, tag 18 optional, with an empty external_aad.
 * STATUS_NOT_COSE: another structure, another than the deterministic encoding, anything in the unprotected header, which
 * is not signed, or bytes after it. STATUS_BAD_ALGORITHM: the protected header is not exactly {1: -8, 4: key id}.
 * So one signed payload has two messages, with the tag and without. */
[[nodiscard]] enum status cose_parse(struct span message, struct sign1 *out);

/* STATUS_NO_KEY: the key is all zero. STATUS_BAD_SIGNATURE. Any core; needs some 6 KiB of stack. */
[[nodiscard]] enum status cose_check(const struct sign1 *message, const uint8_t key[32]);

/* Both, for one known key; whose id the message gives is not looked at. `payload` is set when the signature holds. */
[[nodiscard]] enum status cose_verify(struct span message, const uint8_t key[32], struct span *payload);
