#include "patch/command.h"
#include "lib/cbor.h"
#include "lib/mem.h"
#include "patch/boot_id.h"

struct envelope {
    uint64_t sequence;
    struct span boot;
};

/* Each key once, in order: a map in deterministic encoding with these five pairs has no other form. */
static bool get_pairs(struct cbor_reader *in, struct command *out, struct envelope *envelope) {
    uint32_t pairs, key;
    return cbor_get_map(in, &pairs) == STATUS_OK && pairs == 5 &&
           cbor_get_u32(in, &key) == STATUS_OK && key == COMMAND_KEY_GROUP && cbor_get_u32(in, &out->group) == STATUS_OK &&
           cbor_get_u32(in, &key) == STATUS_OK && key == COMMAND_KEY_COMMAND && cbor_get_u32(in, &out->command) == STATUS_OK &&
           cbor_get_u32(in, &key) == STATUS_OK && key == COMMAND_KEY_PAYLOAD && cbor_get_bytes(in, &out->payload) == STATUS_OK &&
           cbor_get_u32(in, &key) == STATUS_OK && key == COMMAND_KEY_SEQUENCE && cbor_get_uint(in, &envelope->sequence) == STATUS_OK &&
           cbor_get_u32(in, &key) == STATUS_OK && key == COMMAND_KEY_BOOT && cbor_get_bytes(in, &envelope->boot) == STATUS_OK &&
           in->pos == in->size;
}

static enum status decode(struct span payload, struct command *out, struct envelope *envelope) {
    struct cbor_reader in = {payload.data, payload.size, 0};
    uint32_t at;
    if (!cbor_is_deterministic(payload, &at) || !get_pairs(&in, out, envelope)) { return STATUS_BAD_COMMAND; }
    if (out->group > UINT16_MAX || out->command > UINT8_MAX || envelope->boot.size != BOOT_ID_BYTES) { return STATUS_BAD_COMMAND; }
    return memcmp(envelope->boot.data, boot_id(), BOOT_ID_BYTES) == 0 ? STATUS_OK : STATUS_WRONG_BOOT;
}

enum status command_open(struct span message, struct command *out, struct refusal *refusal) {
    struct span payload;
    struct envelope envelope;
    enum status status = keys_open(message, 0, &out->signer, &payload, refusal);
    if (status == STATUS_OK) { status = decode(payload, out, &envelope); }
    if (status == STATUS_OK) { status = keys_check_sequence(&out->signer, envelope.sequence, refusal); }
    if (status == STATUS_OK) { keys_note_sequence(&out->signer, envelope.sequence); }
    return status;
}
