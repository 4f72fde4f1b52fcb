#pragma once
/* What slots hold, and which is started. Pure but for the keys of trust/. Core 0. */

#include "trust/manifest.h"
#include "update/store.h"

/* Takes the pages of an image while it is read and checked; may copy them somewhere. */
typedef void (*page_sink)(void *cookie, uint32_t offset, const uint8_t *page, uint32_t size_bytes);

/* A checked image. Its spans point into `header`. */
struct slot_image {
    alignas(8) uint8_t header[IMAGE_PAGE_BYTES];
    struct image_manifest manifest;
};

/* Reads a slot from the medium: signature of its manifest, its size, its Merkle root. `sink` may be null. STATUS_BAD_IMAGE,
 * STATUS_IMAGE_ROOT; what keys_open() and the medium say. */
[[nodiscard]] enum status slot_check(const struct store *store, uint32_t slot, page_sink sink, void *cookie,
                                     struct slot_image *out, struct refusal *refusal);

/* Decides what is started, and notes the try. `check` says whether a slot can be. STATUS_NO_ENTRY: the image that is
 * running already. A try that cannot be noted is not made. */
typedef enum status (*slot_checker)(void *cookie, uint32_t slot);
[[nodiscard]] enum status slots_choose(struct store *store, slot_checker check, void *cookie, uint32_t *slot);

/* The slot that an upload goes to: not the active one, not the one that runs. STATUS_BAD_STATE: what runs is not the active
 * one, so slots_confirm() comes first: the other slot is what it falls back to. `running` may be SLOT_NONE. */
[[nodiscard]] enum status slots_target(const struct store *store, uint32_t running, uint32_t *slot);

/* Each writes one record. */
[[nodiscard]] enum status slots_set_empty(struct store *store, uint32_t slot);
[[nodiscard]] enum status slots_set_loaded(struct store *store, uint32_t slot, const struct slot *what);
/* STATUS_BAD_STATE unless it is loaded or confirmed. */
[[nodiscard]] enum status slots_set_test(struct store *store, uint32_t slot);
/* What runs is confirmed and active from now on. STATUS_BAD_STATE when it is not under test, nor was confirmed before and
 * runs in place of an active one that does not hold. */
[[nodiscard]] enum status slots_confirm(struct store *store, uint32_t running);
/* Sequence number that a new image must not be below. */
[[nodiscard]] uint64_t slots_oldest_allowed(const struct store *store);
