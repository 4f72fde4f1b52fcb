/* key, revoke, measured. */
#include "lib/mem.h"
#include "mm/layout.h"
#include "patch/service.h"
#include "trust/keys.h"
#include "trust/merkle.h"
#include "update/update.h"

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

/* What nobody writes does not change: measured once, at the first question. */
enum status handle_measured(struct msg_measured_response *response, [[maybe_unused]] struct refusal *refusal) {
    static uint8_t root[SHA256_BYTES];
    static bool done;
    const struct span fixed = {__image_start, (uint32_t)(__relocated_start - __image_start)};
    if (!done) { merkle_root(fixed, root); }
    done = true;
    const uint8_t *image_root = update_root();
    *response = (struct msg_measured_response){
        .root = {root, sizeof(root)},
        .bytes = fixed.size,
        .image_root = {image_root, image_root == nullptr ? 0 : SHA256_BYTES},
        .slot = update_running(),
        .confirm_in_s = update_confirm_in_s(),
        .storage = update_has_storage(),
    };
    return STATUS_OK;
}
