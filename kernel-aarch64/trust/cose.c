#include "trust/cose.h"
#include "gen/abi_patch.h"
#include "lib/cbor.h"
#include "lib/ed25519.h"

/* {1: -8, 4: ...}: header labels 1 `alg` and 4 `kid` (RFC 9052 §3.1), up to the bytes of the key id. The one encoding
 * that is accepted, as it is also what gets signed. */
static const uint8_t HEADER_START[] = {0xa2, 0x01, 0x20 | (-1 - COSE_ALG_EDDSA), 0x04, 0x40 | KEY_ID_BYTES};
constexpr uint32_t HEADER_BYTES = sizeof(HEADER_START) + KEY_ID_BYTES;

static enum status take_apart(struct span message, struct sign1 *out) {
    struct cbor_reader in = {message.data, message.size, 0};
    uint64_t tag = 0;
    uint32_t items = 0, pairs = 0, at = 0;
    if (!cbor_is_deterministic(message, &at)) { return STATUS_NOT_COSE; }
    if (cbor_get_tag(&in, &tag) == STATUS_OK && tag != COSE_SIGN1_TAG) { return STATUS_NOT_COSE; }
    if (cbor_get_array(&in, &items) != STATUS_OK || items != 4) { return STATUS_NOT_COSE; }
    if (cbor_get_bytes(&in, &out->header) != STATUS_OK) { return STATUS_NOT_COSE; }
    if (cbor_get_map(&in, &pairs) != STATUS_OK || pairs != 0) { return STATUS_NOT_COSE; }
    if (cbor_get_bytes(&in, &out->payload) != STATUS_OK) { return STATUS_NOT_COSE; }
    return cbor_get_bytes(&in, &out->signature) == STATUS_OK ? STATUS_OK : STATUS_NOT_COSE;
}

enum status cose_parse(struct span message, struct sign1 *out) {
    *out = (struct sign1){};
    const enum status status = take_apart(message, out);
    if (status != STATUS_OK) { return status; }
    const struct span start = {out->header.data, sizeof(HEADER_START)};
    if (out->header.size != HEADER_BYTES || !span_equal(start, (struct span){HEADER_START, sizeof(HEADER_START)})) {
        return STATUS_BAD_ALGORITHM;
    }
    out->key_id = (struct span){out->header.data + sizeof(HEADER_START), KEY_ID_BYTES};
    return STATUS_OK;
}

static bool is_zero(const uint8_t *key) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < ED25519_KEY_BYTES; i++) { any |= key[i]; }
    return any == 0;
}

/* Sig_structure (RFC 9052 §4.4): ["Signature1", protected, external_aad, payload], hashed in pieces so that no copy is made. */
static bool signature_holds(const struct sign1 *in, const uint8_t *key) {
    uint8_t head[64]; /* 1 + 11 + 14 + 1 bytes, and up to 9 for the payload's length */
    struct cbor_writer out = {head, sizeof head, 0, false};
    cbor_put_array(&out, 4);
    cbor_put_text(&out, SPAN("Signature1"));
    cbor_put_bytes(&out, in->header);
    cbor_put_bytes(&out, (struct span){});
    cbor_put_bytes_head(&out, in->payload.size);
    const struct span parts[] = {{head, out.size}, in->payload};
    return !out.overflow && ed25519_verify(key, in->signature.data, parts, 2);
}

enum status cose_check(const struct sign1 *message, const uint8_t key[32]) {
    if (is_zero(key)) { return STATUS_NO_KEY; }
    if (message->signature.size != ED25519_SIGNATURE_BYTES) { return STATUS_BAD_SIGNATURE; }
    return signature_holds(message, key) ? STATUS_OK : STATUS_BAD_SIGNATURE;
}

enum status cose_verify(struct span message, const uint8_t key[32], struct span *payload) {
    struct sign1 sign1;
    enum status status = cose_parse(message, &sign1);
    if (status == STATUS_OK) { status = cose_check(&sign1, key); }
    if (status == STATUS_OK) { *payload = sign1.payload; }
    return status;
}
