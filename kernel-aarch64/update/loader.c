#include "update/loader.h"
#include "lib/crc32.h"
#include "lib/mem.h"
#include "mm/layout.h"
#include "mm/map.h"
#include <stddef.h>

#define HANDOFF_MAGIC 0x31464f444e414856ull /* "VHANDOF1" */
#define DISTANCE_BYTES 0x1000000ull         /* from this image to the next: 16 MiB, a multiple of 2 MiB, above both sizes */
#define MEMORY_RANGES 8u

extern struct handoff __handoff; /* boot/kernel.ld */
[[noreturn]] void handover(uint64_t entry, const void *tree); /* boot/handover.S */

static struct {
    uint64_t start, size_bytes;
} memory[MEMORY_RANGES];
static uint32_t memory_count;

void memory_probe(const struct fdt_node *node) {
    static const struct span type = {(const uint8_t *)"memory", 7};
    if (!span_equal(node->property[FDT_DEVICE_TYPE], type)) { return; }
    for (uint32_t i = 0; memory_count < MEMORY_RANGES; i++) {
        if (fdt_reg(node, i, &memory[memory_count].start, &memory[memory_count].size_bytes) != STATUS_OK) { return; }
        memory_count++;
    }
}

static bool is_memory(uint64_t start, uint64_t size_bytes) {
    for (uint32_t i = 0; i < memory_count; i++) {
        const uint64_t before = start - memory[i].start;
        if (before < memory[i].size_bytes && size_bytes <= memory[i].size_bytes - before) { return true; }
    }
    return false;
}

static uint32_t handoff_crc(const struct handoff *handoff) { return crc32(handoff, offsetof(struct handoff, crc)); }

bool loader_take_handoff(struct handoff *out) {
    *out = __handoff;
    __handoff.magic = 0; /* what is left in memory after a reset says nothing */
    return out->magic == HANDOFF_MAGIC && out->crc == handoff_crc(out) && out->slot < SLOTS;
}

/* One attempt after the other to have an image in the memory behind this one. */
struct loading {
    struct store *store;
    uint8_t *target;
    uint64_t limit_bytes; /* of memory that is free there */
    struct slot_image *image;
    struct refusal *refusal;
    uint32_t *refused;
};

static void copy_page(void *cookie, uint32_t offset, const uint8_t *page, uint32_t size_bytes) {
    memcpy((uint8_t *)cookie + offset, page, size_bytes);
}

static enum status load(void *cookie, uint32_t slot) {
    const struct loading *loading = cookie;
    enum status status = slot_check(loading->store, slot, copy_page, loading->target, loading->image, loading->refusal);
    const struct image_manifest *manifest = &loading->image->manifest;
    if (status == STATUS_OK && (manifest->memory_bytes > loading->limit_bytes || manifest->bytes > manifest->memory_bytes)) {
        status = STATUS_BAD_IMAGE;
    }
    if (status != STATUS_OK) { *loading->refused = slot; }
    return status;
}

/* Free memory behind this image, up to the device tree or the end of the range; 0 when there is too little. */
static uint64_t room_at(uint64_t start, uint64_t tree) {
    const uint64_t size_bytes = tree > start && tree - start < DISTANCE_BYTES ? tree - start : DISTANCE_BYTES;
    return size_bytes > SLOT_BYTES && is_memory(start, size_bytes) ? size_bytes : 0;
}

[[noreturn]] static void enter(const struct loading *loading, uint32_t slot, const void *tree) {
    struct handoff *handoff = (struct handoff *)(void *)(loading->target + HANDOFF_OFFSET);
    *handoff = (struct handoff){.magic = HANDOFF_MAGIC, .slot = slot};
    handoff->test = loading->store->record.slots[slot].state == SLOT_STATE_TEST;
    memcpy(handoff->root, loading->image->manifest.root, sizeof(handoff->root));
    handoff->crc = handoff_crc(handoff);
    cache_clean(loading->target, loading->image->manifest.bytes);
    cache_clean(handoff, sizeof(*handoff));
    handover((uintptr_t)loading->target, tree);
}

void loader_run(struct store *store, const void *tree, uint64_t tree_bytes, void (*close)(void), uint32_t *refused,
                struct refusal *refusal) {
    static struct slot_image image;
    const uint64_t target = (uintptr_t)__image_start + DISTANCE_BYTES;
    const uint64_t limit = room_at(target, (uintptr_t)tree);
    const bool inside = (uintptr_t)tree <= target && (uintptr_t)tree + tree_bytes > target;
    uint32_t slot;
    *refused = SLOT_NONE;
    if (limit == 0 || inside || map_range(target, target, limit, MAP_DATA) != STATUS_OK) { return; }
    struct loading loading = {store, (uint8_t *)(uintptr_t)target, limit, &image, refusal, refused};
    if (slots_choose(store, load, &loading, &slot) != STATUS_OK) { return; }
    close();
    enter(&loading, slot, tree);
}
