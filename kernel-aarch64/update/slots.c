#include "update/slots.h"
#include "lib/mem.h"
#include "trust/merkle.h"

static uint32_t pages_of(uint32_t bytes) { return (bytes + IMAGE_PAGE_BYTES - 1) / IMAGE_PAGE_BYTES; }

enum status slot_check(const struct store *store, uint32_t slot, page_sink sink, void *cookie, struct slot_image *out,
                       struct refusal *refusal) {
    alignas(8) static uint8_t page[IMAGE_PAGE_BYTES];
    struct merkle tree = {};
    uint8_t root[SHA256_BYTES];
    enum status status = slot_read(store, slot, 0, out->header, IMAGE_PAGE_BYTES);
    if (status == STATUS_OK) {
        status = manifest_open((struct span){out->header, IMAGE_PAGE_BYTES}, &out->manifest, refusal);
    }
    if (status != STATUS_OK) { return status; }
    const uint32_t bytes = out->manifest.bytes;
    if (bytes == 0 || bytes > SLOT_BYTES - IMAGE_PAGE_BYTES) { return REFUSE(refusal, STATUS_BAD_IMAGE, "%u bytes", bytes); }
    for (uint32_t i = 0; i < pages_of(bytes); i++) {
        const uint32_t offset = i * IMAGE_PAGE_BYTES;
        const uint32_t size = bytes - offset < IMAGE_PAGE_BYTES ? bytes - offset : IMAGE_PAGE_BYTES;
        status = slot_read(store, slot, IMAGE_PAGE_BYTES + offset, page, IMAGE_PAGE_BYTES);
        if (status != STATUS_OK) { return status; }
        merkle_add(&tree, (struct span){page, size});
        if (sink != nullptr) { sink(cookie, offset, page, size); }
    }
    merkle_end(&tree, root);
    return memcmp(root, out->manifest.root, sizeof(root)) == 0 ? STATUS_OK : STATUS_IMAGE_ROOT;
}

static enum status set_state(struct store *store, uint32_t slot, uint32_t state, uint32_t starts) {
    struct slot_record next = store->record;
    next.slots[slot].state = state;
    next.slots[slot].starts = starts;
    return store_write(store, &next);
}

/* One that is to be tested: a start is used up before it is made. */
static bool try_test(struct store *store, uint32_t slot, slot_checker check, void *cookie) {
    const struct slot *at = &store->record.slots[slot];
    if (at->state != SLOT_STATE_TEST) { return false; }
    if (at->starts > 0) {
        if (set_state(store, slot, SLOT_STATE_TEST, at->starts - 1) != STATUS_OK) { return false; }
        if (check(cookie, slot) == STATUS_OK) { return true; }
    }
    (void)set_state(store, slot, SLOT_STATE_REJECTED, 0);
    return false;
}

static bool try_confirmed(const struct store *store, uint32_t slot, slot_checker check, void *cookie) {
    return slot < SLOTS && store->record.slots[slot].state == SLOT_STATE_CONFIRMED && check(cookie, slot) == STATUS_OK;
}

enum status slots_choose(struct store *store, slot_checker check, void *cookie, uint32_t *slot) {
    for (*slot = 0; *slot < SLOTS; ++*slot) {
        if (try_test(store, *slot, check, cookie)) { return STATUS_OK; }
    }
    if (store->record.active == SLOT_NONE) { return STATUS_NO_ENTRY; }
    *slot = store->record.active;
    if (try_confirmed(store, *slot, check, cookie)) { return STATUS_OK; }
    *slot = 1 - *slot;
    if (try_confirmed(store, *slot, check, cookie)) { return STATUS_OK; }
    *slot = SLOT_NONE;
    return STATUS_NO_ENTRY;
}

enum status slots_target(const struct store *store, uint32_t running, uint32_t *slot) {
    const uint32_t active = store->record.active;
    const uint32_t kept = active != SLOT_NONE ? active : running;
    *slot = kept == 0 ? 1 : 0;
    return *slot == running ? STATUS_BAD_STATE : STATUS_OK;
}

enum status slots_set_empty(struct store *store, uint32_t slot) {
    if (store->record.slots[slot].state == SLOT_STATE_EMPTY) { return STATUS_OK; }
    struct slot_record next = store->record;
    next.slots[slot] = (struct slot){.state = SLOT_STATE_EMPTY};
    return store_write(store, &next);
}

enum status slots_set_loaded(struct store *store, uint32_t slot, const struct slot *what) {
    struct slot_record next = store->record;
    next.slots[slot] = *what;
    next.slots[slot].state = SLOT_STATE_LOADED;
    return store_write(store, &next);
}

enum status slots_set_test(struct store *store, uint32_t slot) {
    const uint32_t state = store->record.slots[slot].state;
    if (state != SLOT_STATE_LOADED && state != SLOT_STATE_CONFIRMED) { return STATUS_BAD_STATE; }
    return set_state(store, slot, SLOT_STATE_TEST, TEST_STARTS);
}

enum status slots_confirm(struct store *store, uint32_t running) {
    if (running >= SLOTS) { return STATUS_BAD_STATE; }
    const uint32_t state = store->record.slots[running].state;
    const bool again = state == SLOT_STATE_CONFIRMED && running != store->record.active; /* which does not hold any more */
    if (state != SLOT_STATE_TEST && !again) { return STATUS_BAD_STATE; }
    struct slot_record next = store->record;
    next.slots[running].state = SLOT_STATE_CONFIRMED;
    next.slots[running].starts = 0;
    next.active = running;
    return store_write(store, &next);
}

uint64_t slots_oldest_allowed(const struct store *store) {
    const uint32_t active = store->record.active;
    const uint64_t confirmed = active < SLOTS ? store->record.slots[active].sequence : 0;
    return confirmed > store->oldest ? confirmed : store->oldest;
}
