#pragma once
/* An image on its way into a slot. Pure but for the keys of trust/. Core 0. */

#include "lib/sha2.h"
#include "update/slots.h"

struct upload {
    bool open;
    uint32_t slot;
    uint32_t size_bytes; /* announced */
    uint32_t received;
    uint8_t sha[32]; /* of the whole */
    struct sha256 hash;
    alignas(8) uint8_t page[IMAGE_PAGE_BYTES]; /* what is not on the medium yet */
};

/* Begins, or goes on with what was announced before by the same length and hash. The slot is empty from now on.
 * STATUS_INVALID_ARGUMENT, STATUS_BAD_STATE; what the medium says. */
[[nodiscard]] enum status upload_begin(struct upload *upload, struct store *store, uint32_t running, uint32_t size_bytes,
                                       struct span sha, struct refusal *refusal);

/* Takes bytes at the offset that is expected, and nothing at another: `upload->received` says where to go on. STATUS_UPLOAD_TAKEN:
 * `sha` is given, and is that of another upload. With the last byte the whole is read back and checked, and the slot is loaded.
 * STATUS_STAGE_HASH, STATUS_WRONG_BOARD, STATUS_OLDER_SEQUENCE; what slot_check() says: the slot stays empty, and the upload
 * begins anew. */
[[nodiscard]] enum status upload_take(struct upload *upload, struct store *store, struct span sha, uint32_t offset,
                                      struct span data, struct refusal *refusal);
