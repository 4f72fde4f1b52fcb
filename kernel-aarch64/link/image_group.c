/* SMP group 1, image management (Zephyr smp_group_1.rst): state, upload, erase. The two slots of a medium are image 0's slots
 * 0 and 1; what is to be started from memory is image 1, with one slot. */
#include "gen/abi_image.h"
#include "link/map.h"
#include "link/smp.h"
#include "trust/keys.h"
#include "update/update.h"

static void put_flag(struct cbor_writer *out, struct span key, bool value) {
    cbor_put_text(out, key);
    cbor_put_bool(out, value);
}

static struct span text_of(const char *text, uint32_t limit) {
    uint32_t size = 0;
    while (size < limit && text[size] != '\0') { size++; }
    return (struct span){(const uint8_t *)text, size};
}

static void put_slot(struct cbor_writer *out, uint32_t image, uint32_t slot) {
    const bool memory = image == IMAGE_NUMBER_MEMORY;
    const struct slot *at = memory ? update_memory() : update_slot(slot);
    const bool runs = !memory && slot == update_running();
    cbor_put_map(out, 10);
    cbor_put_text(out, SPAN("image"));
    cbor_put_uint(out, image);
    cbor_put_text(out, SPAN("slot"));
    cbor_put_uint(out, slot);
    cbor_put_text(out, SPAN("version"));
    cbor_put_text(out, text_of(at->version, sizeof(at->version)));
    cbor_put_text(out, SPAN("hash"));
    cbor_put_bytes(out, (struct span){at->sha, sizeof(at->sha)});
    put_flag(out, SPAN("bootable"), at->state != SLOT_STATE_REJECTED);
    put_flag(out, SPAN("pending"), at->state == SLOT_STATE_TEST && !runs);
    put_flag(out, SPAN("confirmed"), at->state == SLOT_STATE_CONFIRMED);
    put_flag(out, SPAN("active"), runs);
    put_flag(out, SPAN("permanent"), !memory && slot == update_active());
    cbor_put_text(out, SPAN("state")); /* our own: what the flags cannot tell apart */
    cbor_put_uint(out, at->state);
}

static enum status show(struct cbor_writer *out) {
    const bool memory = update_memory()->state != SLOT_STATE_EMPTY;
    uint32_t used = memory;
    for (uint32_t slot = 0; slot < SLOTS; slot++) { used += update_slot(slot)->state != SLOT_STATE_EMPTY; }
    cbor_put_map(out, 1);
    cbor_put_text(out, SPAN("images"));
    cbor_put_array(out, used);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (update_slot(slot)->state != SLOT_STATE_EMPTY) { put_slot(out, IMAGE_NUMBER_SLOTS, slot); }
    }
    if (memory) { put_slot(out, IMAGE_NUMBER_MEMORY, 0); }
    return STATUS_OK;
}

/* {confirm: true} is for what runs, {hash} for another image; to confirm what does not run would be to trust it unseen. What
 * a medium does not hold may lie in memory; {image: 1} asks for no other. */
static enum status set_test(uint32_t image, struct span hash, struct refusal *refusal) {
    enum status status = image == IMAGE_NUMBER_MEMORY ? STATUS_NO_ENTRY : update_test(hash, refusal);
    if (status == STATUS_NO_ENTRY || status == STATUS_NO_STORAGE) {
        const enum status found = update_test_memory(hash, refusal);
        status = found == STATUS_NO_ENTRY ? status : found;
    }
    return status;
}

static enum status set_state(const struct cbor_reader *in, struct cbor_writer *out, struct refusal *refusal) {
    struct span hash = {};
    uint32_t image = IMAGE_NUMBER_SLOTS;
    bool confirm = false;
    enum status status = door_check(DOOR_IMAGE, refusal);
    if (status != STATUS_OK) { return status; }
    if (!map_optional_bool(in, SPAN("confirm"), &confirm) || !map_optional_bytes(in, SPAN("hash"), &hash) ||
        !map_optional_u32(in, SPAN("image"), &image)) {
        return STATUS_INVALID_ARGUMENT;
    }
    if (!confirm) {
        status = set_test(image, hash, refusal);
    } else if (hash.size == 0 || update_is_running(hash)) {
        status = update_confirm(refusal);
    } else {
        status = REFUSE(refusal, STATUS_BAD_STATE, "only an image that runs can be confirmed: test it first");
    }
    return status == STATUS_OK ? show(out) : status;
}

static enum status upload(const struct cbor_reader *in, struct cbor_writer *out, struct refusal *refusal) {
    uint32_t image = IMAGE_NUMBER_SLOTS, size = 0, offset = 0, next = 0;
    struct span sha = {}, data;
    enum status status = door_check(DOOR_UPLOAD, refusal);
    if (status != STATUS_OK) { return status; }
    const bool sound = map_optional_u32(in, SPAN("image"), &image) && map_optional_u32(in, SPAN("len"), &size) &&
                       map_optional_bytes(in, SPAN("sha"), &sha) && map_u32(in, SPAN("off"), &offset) == STATUS_OK &&
                       map_bytes(in, SPAN("data"), &data) == STATUS_OK;
    if (!sound || image > IMAGE_NUMBER_MEMORY) { return STATUS_INVALID_ARGUMENT; }
    if (offset == 0) { status = update_begin(image, size, sha, refusal); }
    if (status == STATUS_OK) { status = update_take(image, sha, offset, data, &next, refusal); }
    if (status != STATUS_OK) { return status; }
    cbor_put_map(out, 1);
    cbor_put_text(out, SPAN("off"));
    cbor_put_uint(out, next);
    return STATUS_OK;
}

static enum status erase(struct refusal *refusal) {
    const enum status status = door_check(DOOR_UPLOAD, refusal);
    return status == STATUS_OK ? update_erase() : status;
}

enum status image_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                        struct refusal *refusal) {
    const bool writes = header->op == SMP_WRITE;
    switch (header->command) {
    case IMAGE_COMMAND_STATE: return writes ? set_state(in, out, refusal) : show(out);
    case IMAGE_COMMAND_UPLOAD: return writes ? upload(in, out, refusal) : STATUS_NOT_SUPPORTED;
    case IMAGE_COMMAND_ERASE: return writes ? erase(refusal) : STATUS_NOT_SUPPORTED;
    default: return STATUS_NOT_SUPPORTED;
    }
}
