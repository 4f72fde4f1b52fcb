#include "update/update.h"
#include "drivers/board.h"
#include "drivers/clock.h"
#include "drivers/console.h"
#include "lib/mem.h"
#include "update/memory.h"

/* The last part of the room beside this image; the rest is for the image itself. */
#define MEDIUM_OFFSET (DISTANCE_BYTES - MEMORY_MEDIUM_BYTES)

static struct {
    struct store store;
    uint32_t running;
    bool started_by_loader;
    struct handoff handoff;
    uint32_t refused; /* slot that the loader could not start */
    struct refusal refusal;
    struct upload upload;
} update;

static struct {
    uint8_t *place; /* null until there was an upload */
    struct store store;
    struct upload upload;
    bool due;
} in_memory;

static enum status save_keys(const struct key_record records[KEY_RECORDS]) {
    static struct slot_record next;
    next = update.store.record;
    memcpy(next.keys, records, sizeof(next.keys));
    return store_write(&update.store, &next);
}

void update_start(const struct block_device *device, const void *tree, uint64_t tree_bytes, void (*close)(void)) {
    update.started_by_loader = loader_take_handoff(&update.handoff);
    update.running = update.started_by_loader ? update.handoff.slot : SLOT_NONE;
    update.refused = SLOT_NONE;
    loader_init(tree, tree_bytes);
    if (device == nullptr || store_open(&update.store, device) != STATUS_OK) { return; }
    keys_keep(update.store.record.keys, save_keys);
    if (!update.started_by_loader) {
        loader_run(&update.store, close, &update.refused, &update.refusal);
    }
}

void update_report(void) {
    if (update.refused == SLOT_NONE) { return; }
    console_print("slot %c does not start: %s\n", 'A' + (int)update.refused,
                  update.refusal.message[0] != 0 ? update.refusal.message : "signature or root do not hold");
}

bool update_has_storage(void) { return update.store.device != nullptr; }
uint32_t update_running(void) { return update.running; }
const uint8_t *update_root(void) { return update.started_by_loader ? update.handoff.root : nullptr; }
const struct slot *update_slot(uint32_t slot) { return &update.store.record.slots[slot]; }
const struct slot *update_memory(void) { return &in_memory.store.record.slots[MEMORY_SLOT]; }
uint32_t update_active(void) { return update.store.record.active; }

bool update_is_running(struct span sha) {
    return update.running < SLOTS && span_equal(sha, (struct span){update_slot(update.running)->sha, SHA256_BYTES});
}

static bool is_under_test(void) {
    return update.started_by_loader && update.handoff.test != 0 && update_has_storage() &&
           update_slot(update.running)->state == SLOT_STATE_TEST;
}

uint32_t update_confirm_in_s(void) {
    const uint64_t now_s = clock_ns() / 1'000'000'000;
    static uint64_t deadline_s;
    if (!is_under_test()) { return 0; }
    if (deadline_s == 0) { deadline_s = now_s + CONFIRM_WITHIN_S; }
    return now_s < deadline_s ? (uint32_t)(deadline_s - now_s) : 0;
}

void update_poll(void) {
    if (!is_under_test() || update_confirm_in_s() != 0) { return; }
    console_print("the image in slot %c did not confirm itself within %u s; resetting\n", 'A' + (int)update.running,
                  CONFIRM_WITHIN_S);
    board_reset();
}

static enum status need_storage(void) { return update_has_storage() ? STATUS_OK : STATUS_NO_STORAGE; }

/* What is confirmed, or runs, is older than nothing that starts from memory. */
static enum status need_memory(void) {
    if (in_memory.place == nullptr) {
        if (loader_find_room(&in_memory.place) != STATUS_OK) {
            in_memory.place = nullptr;
            return STATUS_NO_MEMORY;
        }
        memory_open(&in_memory.store, in_memory.place + MEDIUM_OFFSET);
    }
    const uint64_t running = update.started_by_loader ? update.handoff.sequence : 0;
    const uint64_t confirmed = slots_oldest_allowed(&update.store);
    in_memory.store.oldest = running > confirmed ? running : confirmed;
    return STATUS_OK;
}

static enum status need(uint32_t image) {
    return image == IMAGE_NUMBER_MEMORY ? need_memory() : need_storage();
}

enum status update_begin(uint32_t image, uint32_t size_bytes, struct span sha, struct refusal *refusal) {
    const enum status status = need(image);
    if (status != STATUS_OK) { return status; }
    if (image == IMAGE_NUMBER_MEMORY) {
        return upload_begin(&in_memory.upload, &in_memory.store, SLOT_NONE, size_bytes, sha, refusal);
    }
    return upload_begin(&update.upload, &update.store, update.running, size_bytes, sha, refusal);
}

enum status update_take(uint32_t image, struct span sha, uint32_t offset, struct span data, uint32_t *next,
                        struct refusal *refusal) {
    const bool memory = image == IMAGE_NUMBER_MEMORY;
    struct upload *upload = memory ? &in_memory.upload : &update.upload;
    enum status status = need(image);
    struct store *store = memory ? &in_memory.store : &update.store;
    if (status == STATUS_OK) { status = upload_take(upload, store, sha, offset, data, refusal); }
    *next = upload->received;
    return status;
}

enum status update_erase(void) {
    uint32_t slot;
    enum status status = need_storage();
    if (status == STATUS_OK) { status = slots_target(&update.store, update.running, &slot); }
    if (status != STATUS_OK) { return status; }
    update.upload.open = false;
    return slots_set_empty(&update.store, slot);
}

enum status update_test(struct span sha, struct refusal *refusal) {
    const enum status status = need_storage();
    if (status != STATUS_OK) { return status; }
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        const struct slot *at = update_slot(slot);
        if (at->state == SLOT_STATE_EMPTY || !span_equal(sha, (struct span){at->sha, sizeof(at->sha)})) { continue; }
        if (slot == update.running || slot == update_active()) {
            return REFUSE(refusal, STATUS_BAD_STATE, "it is started anyway");
        }
        return slots_set_test(&update.store, slot);
    }
    return STATUS_NO_ENTRY;
}

enum status update_confirm(struct refusal *refusal) {
    const enum status status = need_storage();
    if (status != STATUS_OK) { return status; }
    if (slots_confirm(&update.store, update.running) == STATUS_OK) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_BAD_STATE, "what runs is not under test");
}

enum status update_test_memory(struct span sha, struct refusal *refusal) {
    const struct slot *at = update_memory();
    if (at->state == SLOT_STATE_EMPTY || !span_equal(sha, (struct span){at->sha, sizeof(at->sha)})) { return STATUS_NO_ENTRY; }
    if (at->state == SLOT_STATE_TEST) { return STATUS_BAD_STATE; } /* what was loaded last is what is entered */
    const enum status status = loader_load(&in_memory.store, MEMORY_SLOT, in_memory.place, MEDIUM_OFFSET, refusal);
    return status == STATUS_OK ? slots_set_test(&in_memory.store, MEMORY_SLOT) : status;
}

bool update_reset(void) {
    in_memory.due = update_memory()->state == SLOT_STATE_TEST;
    return in_memory.due;
}

uint8_t *update_take_over(void) {
    uint8_t *place = in_memory.due ? in_memory.place : nullptr;
    in_memory.due = false;
    if (place != nullptr) { (void)slots_set_empty(&in_memory.store, MEMORY_SLOT); }
    return place;
}
