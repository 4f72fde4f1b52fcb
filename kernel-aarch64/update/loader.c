#include "update/loader.h"
#include "lib/crc32.h"
#include "lib/mem.h"
#include "mm/layout.h"
#include "mm/map.h"
#include <stddef.h>

#define HANDOFF_MAGIC 0x31464f444e414856ull /* "VHANDOF1" */
#define RANGES 24u
#define RESERVATIONS_AT 16u /* off_mem_rsvmap in the header of the tree (Devicetree Specification 0.4, §5.2) */

[[noreturn]] void handover(uint64_t entry, const void *tree); /* boot/handover.S */

static const void *tree;

/* What the tree says of memory. Where it says more than is kept here, nothing counts as free. */
static struct range {
    uint64_t start, size_bytes;
    bool reserved;
} ranges[RANGES];
static uint32_t range_count;
static bool is_successor; /* another image of this kind started this one */

static void range_add(uint64_t start, uint64_t size_bytes, bool reserved) {
    if (range_count < RANGES) { ranges[range_count] = (struct range){start, size_bytes, reserved}; }
    range_count += range_count <= RANGES;
}

static bool is_reserving(const struct fdt_node *node) {
    static const char name[] = "reserved-memory"; /* Devicetree Specification 0.4, §3.5 */
    uint32_t i = 0;
    while (i < sizeof(name) - 1 && node->name[i] == name[i]) { i++; }
    return node->name[i] == name[i];
}

void memory_probe(const struct fdt_node *node) {
    static const struct span type = {(const uint8_t *)"memory", 7};
    const bool reserved = node->depth == 2 && is_reserving(node->parent);
    uint64_t start, size_bytes;
    if (!reserved && !span_equal(node->property[FDT_DEVICE_TYPE], type)) { return; }
    for (uint32_t i = 0; fdt_reg(node, i, &start, &size_bytes) == STATUS_OK; i++) { range_add(start, size_bytes, reserved); }
}

static uint64_t be64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return __builtin_bswap64(value);
}

/* The tree itself, and its list of reservations: pairs of start and size, up to one of zeros (§5.3). */
void loader_init(const void *at, uint64_t tree_bytes) {
    const uint8_t *bytes = at;
    tree = at;
    if (tree_bytes == 0) { return; }
    range_add((uintptr_t)at, tree_bytes, true);
    uint64_t pair = be64(bytes + RESERVATIONS_AT) >> 32;
    for (; pair + 16 <= tree_bytes && be64(bytes + pair + 8) != 0; pair += 16) {
        range_add(be64(bytes + pair), be64(bytes + pair + 8), true);
    }
}

static bool is_memory(uint64_t start, uint64_t size_bytes) {
    for (uint32_t i = 0; i < range_count; i++) {
        const uint64_t before = start - ranges[i].start;
        if (!ranges[i].reserved && before < ranges[i].size_bytes && size_bytes <= ranges[i].size_bytes - before) { return true; }
    }
    return false;
}

static uint32_t handoff_crc(const struct handoff *handoff) { return crc32(handoff, offsetof(struct handoff, crc)); }

bool loader_take_handoff(struct handoff *out) {
    struct handoff *handoff = (struct handoff *)(void *)(__image_start + HANDOFF_OFFSET);
    *out = *handoff;
    handoff->magic = 0; /* what is left in memory after a reset says nothing */
    cache_clean(handoff, sizeof(*handoff)); /* a reset drops what the caches hold */
    is_successor = out->magic == HANDOFF_MAGIC && out->crc == handoff_crc(out) &&
                   (out->slot < SLOTS || (out->slot == SLOT_NONE && out->test == 0));
    return is_successor;
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
    const bool fits = manifest->memory_bytes <= loading->limit_bytes && manifest->memory_bytes >= STATIC_BYTES;
    static_assert(SLOT_BYTES <= HANDOFF_OFFSET, "an image ends before what it is handed");
    if (status == STATUS_OK && !fits) {
        status = REFUSE(loading->refusal, STATUS_BAD_IMAGE, "it needs %u bytes", manifest->memory_bytes);
    }
    if (status != STATUS_OK) { *loading->refused = slot; }
    return status;
}

/* A place between this image and a tree that lies where boot/efi.c has it, or the one that the image before this one ran in:
 * firmware gave both. A tree of UEFI need not say what memory there is. */
static bool is_given(uint64_t start) {
    const uint64_t before_tree = (uintptr_t)tree - start;
    return before_tree == DISTANCE_BYTES || (is_successor && before_tree == 2 * DISTANCE_BYTES);
}

/* Free memory from there on, at most DISTANCE_BYTES; 0 when there is too little for an image. */
static uint64_t room_at(uint64_t start) {
    uint64_t size_bytes = range_count <= RANGES ? DISTANCE_BYTES : 0;
    for (uint32_t i = 0; i < range_count && i < RANGES; i++) {
        const struct range *range = &ranges[i];
        if (!range->reserved || range->start >= start + size_bytes || range->start + range->size_bytes <= start) { continue; }
        size_bytes = range->start > start ? range->start - start : 0;
    }
    return size_bytes > SLOT_BYTES && (is_memory(start, size_bytes) || is_given(start)) ? size_bytes : 0;
}

static struct slot_image image; /* checked last */

/* Everything that the image will use before its caches are on is in memory, and in no cache: an earlier image may have run
 * in the same place. What it is handed is written now and no sooner: after a reset the firmware may start its own there. */
[[noreturn]] static void enter(uint8_t *place, uint32_t slot, bool test) {
    struct handoff *handoff = (struct handoff *)(void *)(place + HANDOFF_OFFSET);
    *handoff = (struct handoff){.magic = HANDOFF_MAGIC, .slot = slot, .test = test};
    handoff->sequence = image.manifest.sequence < UINT32_MAX ? (uint32_t)image.manifest.sequence : UINT32_MAX;
    memcpy(handoff->root, image.manifest.root, sizeof(handoff->root));
    handoff->crc = handoff_crc(handoff);
    cache_clean(place, STATIC_BYTES);
    handover((uintptr_t)place, tree);
}

void loader_enter(uint8_t *place) { enter(place, SLOT_NONE, false); }

void loader_run(struct store *store, void (*close)(void), uint32_t *refused, struct refusal *refusal) {
    const uint64_t target = (uintptr_t)__image_start + DISTANCE_BYTES;
    const uint64_t limit = room_at(target);
    uint32_t slot;
    *refused = SLOT_NONE;
    if (limit == 0 || map_range(target, target, limit, MAP_DATA) != STATUS_OK) { return; }
    struct loading loading = {store, (uint8_t *)(uintptr_t)target, limit, &image, refusal, refused};
    if (slots_choose(store, load, &loading, &slot) != STATUS_OK) { return; }
    close();
    enter(loading.target, slot, store->record.slots[slot].state == SLOT_STATE_TEST);
}

enum status loader_find_room(uint8_t **place) {
    const uint64_t start = (uintptr_t)__image_start;
    /* Two places are enough: those of boot/efi.c. */
    const uint64_t step = is_successor && !is_given(start + DISTANCE_BYTES) ? -DISTANCE_BYTES : DISTANCE_BYTES;
    const uint64_t beside[2] = {start + step, start - step};
    for (uint32_t i = 0; i < 2; i++) {
        *place = (uint8_t *)(uintptr_t)beside[i];
        if (room_at(beside[i]) == DISTANCE_BYTES) { return map_range(beside[i], beside[i], DISTANCE_BYTES, MAP_DATA); }
    }
    return STATUS_NO_MEMORY;
}

enum status loader_load(struct store *store, uint32_t slot, uint8_t *place, uint64_t limit_bytes, struct refusal *refusal) {
    uint32_t refused;
    const struct loading loading = {store, place, limit_bytes, &image, refusal, &refused};
    return load((void *)&loading, slot);
}
