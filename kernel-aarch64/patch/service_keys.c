/* key, revoke. */
#include "lib/mem.h"
#include "patch/service.h"
#include "trust/keys.h"

enum status handle_key(const struct msg_key_request *request, struct msg_key_response *response,
                       [[maybe_unused]] struct refusal *refusal) {
    static struct key_state key;
    if (!keys_at(request->i, &key)) { return STATUS_NO_ENTRY; }
    const bool revoked = key.record->revoked != 0;
    *response = (struct msg_key_response){
        .id = {key.id, sizeof(key.id)},
        .roles = revoked ? 0 : key.rights->roles,
        .doors = revoked ? 0 : key.rights->doors,
        .open = keys_open_doors(),
        .sequence = key.record->sequence,
        .revoked = revoked,
        .kept = keys_are_kept(),
    };
    return STATUS_OK;
}

enum status handle_revoke(const struct msg_revoke_request *request, struct refusal *refusal) {
    if (request->id.size != KEY_ID_BYTES) { return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "an id has %u bytes", KEY_ID_BYTES); }
    if (request->has_public_key && request->public_key.size != 32) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "a public key has 32 bytes");
    }
    return keys_revoke(request->id, request->has_public_key ? request->public_key.data : nullptr, refusal);
}
