#include "update/upload.h"
#include "lib/mem.h"
#include "lib/board_class.h"

enum status upload_begin(struct upload *upload, struct store *store, uint32_t running, uint32_t size_bytes,
                         struct span sha, struct refusal *refusal) {
    if (sha.size != SHA256_BYTES || size_bytes <= IMAGE_PAGE_BYTES || size_bytes > SLOT_BYTES) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "sha has %u bytes, len is %u", sha.size, size_bytes);
    }
    if (upload->open && upload->size_bytes == size_bytes && memcmp(upload->sha, sha.data, SHA256_BYTES) == 0) { return STATUS_OK; }
    uint32_t slot;
    enum status status = slots_target(store, running, &slot);
    if (status != STATUS_OK) { return REFUSE(refusal, status, "confirm what runs first: the other slot is its way back"); }
    status = slots_set_empty(store, slot); /* before a byte of it changes */
    if (status != STATUS_OK) { return status; }
    *upload = (struct upload){.open = true, .slot = slot, .size_bytes = size_bytes};
    memcpy(upload->sha, sha.data, SHA256_BYTES);
    sha256_start(&upload->hash);
    return STATUS_OK;
}

/* Writes the page that the last received byte lies in; what lacks of it is zero. */
static enum status flush(struct upload *upload, const struct store *store) {
    const uint32_t offset = (upload->received - 1) / IMAGE_PAGE_BYTES * IMAGE_PAGE_BYTES;
    const uint32_t used = upload->received - offset;
    memset(upload->page + used, 0, IMAGE_PAGE_BYTES - used);
    return slot_write(store, upload->slot, offset, upload->page, IMAGE_PAGE_BYTES);
}

static enum status check_manifest(const struct image_manifest *manifest, const struct store *store, struct refusal *refusal) {
    if (!span_is(manifest->board_class, BOARD_CLASS)) {
        return REFUSE(refusal, STATUS_WRONG_BOARD, "the image is for '%.*s', this is '" BOARD_CLASS "'",
                      (int)manifest->board_class.size, (const char *)manifest->board_class.data);
    }
    const uint64_t oldest = slots_oldest_allowed(store);
    if (manifest->sequence >= oldest) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_OLDER_SEQUENCE, "image %lu; the one before is %lu", manifest->sequence, oldest);
}

/* What was received is one thing, what lies on the medium another: it is read back. */
static enum status finish(struct upload *upload, struct store *store, struct refusal *refusal) {
    static struct slot_image image;
    uint8_t digest[SHA256_BYTES];
    upload->open = false;
    sha256_end(&upload->hash, digest);
    if (memcmp(digest, upload->sha, SHA256_BYTES) != 0) { return STATUS_STAGE_HASH; }
    enum status status = slot_check(store, upload->slot, nullptr, nullptr, &image, refusal);
    if (status == STATUS_OK) { status = check_manifest(&image.manifest, store, refusal); }
    if (status != STATUS_OK) { return status; }
    struct slot loaded = {.size_bytes = upload->size_bytes, .sequence = image.manifest.sequence};
    memcpy(loaded.sha, digest, SHA256_BYTES);
    memcpy(loaded.version, image.manifest.version.data, image.manifest.version.size); /* at most 31 bytes */
    return slots_set_loaded(store, upload->slot, &loaded);
}

enum status upload_take(struct upload *upload, struct store *store, struct span sha, uint32_t offset, struct span data,
                        struct refusal *refusal) {
    if (!upload->open) { return REFUSE(refusal, STATUS_BAD_STATE, "nothing is being uploaded; begin at offset 0"); }
    if (sha.size != 0 && !span_equal(sha, (struct span){upload->sha, SHA256_BYTES})) { return STATUS_UPLOAD_TAKEN; }
    if (offset != upload->received) { return STATUS_OK; }
    if (data.size > upload->size_bytes - offset) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "%u bytes at %u go beyond the announced %u", data.size, offset,
                      upload->size_bytes);
    }
    sha256_add(&upload->hash, data);
    while (data.size > 0) {
        const uint32_t at = upload->received % IMAGE_PAGE_BYTES;
        const uint32_t room = IMAGE_PAGE_BYTES - at;
        const uint32_t take = data.size < room ? data.size : room;
        memcpy(upload->page + at, data.data, take);
        data = (struct span){data.data + take, data.size - take};
        upload->received += take;
        if (take < room && upload->received < upload->size_bytes) { return STATUS_OK; }
        const enum status status = flush(upload, store);
        if (status != STATUS_OK) {
            upload->open = false; /* how much of the page is there nobody knows */
            return status;
        }
    }
    return upload->received == upload->size_bytes ? finish(upload, store, refusal) : STATUS_OK;
}
