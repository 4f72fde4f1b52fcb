#pragma once
/* Starts another image from this one: that of a slot, at start-up, or one that was put into memory, later. It is read,
 * checked and copied in one pass, then entered like any image. Core 0. */

#include "lib/fdt.h"
#include "update/slots.h"

/* Ranges of memory that the tree names, and those that it reserves. */
void memory_probe(const struct fdt_node *node);

/* What the started image is told, at a fixed place of its memory (HANDOFF_OFFSET): only loader and image know of it. */
#define HANDOFF_OFFSET 0x3ff800u /* boot/kernel.ld places section .handoff there */
/* Where cores wait that firmware has no place for any more (boot/handover.S), in the same section; the static part of an
 * image ends behind it. */
#define PARKING_OFFSET 0x3ffc00u
#define STATIC_BYTES 0x400000u

/* From this image to the next: a multiple of 2 MiB, above the memory of both. */
#define DISTANCE_BYTES 0x1000000ull

struct handoff {
    uint64_t magic;
    uint32_t slot;         /* SLOT_NONE: it is in memory only */
    uint32_t test;         /* 1: to confirm itself */
    uint8_t root[32];      /* Merkle root of the image, as it was checked */
    uint32_t sequence;     /* of its manifest, as far as 32 bits go */
    uint32_t crc;
};
static_assert(sizeof(struct handoff) == 56);

/* What this image was told, once; false when the firmware started it. */
[[nodiscard]] bool loader_take_handoff(struct handoff *out);

/* The device tree that this image got, which it hands on. Before all that follows. */
void loader_init(const void *tree, uint64_t tree_bytes);

/* Starts a slot if there is one to start; returns otherwise. `close` is called last: it lets the medium forget the memory
 * that it was told of. What was refused is in `refusal`, its slot in `refused`, else SLOT_NONE. */
void loader_run(struct store *store, void (*close)(void), uint32_t *refused, struct refusal *refusal);

/* DISTANCE_BYTES of free memory beside this image, mapped. STATUS_NO_MEMORY. */
[[nodiscard]] enum status loader_find_room(uint8_t **place);

/* Copies an image of a medium to `place`, where it has `limit_bytes`. What slot_check() says; STATUS_BAD_IMAGE when it needs more
 * memory. */
[[nodiscard]] enum status loader_load(struct store *store, uint32_t slot, uint8_t *place, uint64_t limit_bytes,
                                      struct refusal *refusal);
/* Enters what was loaded last, as an image in memory only. */
[[noreturn]] void loader_enter(uint8_t *place);
