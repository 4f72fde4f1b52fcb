#pragma once
/* Starts the image of a slot from this one, which the firmware started: read, checked and copied in one pass, then entered
 * like any image. Core 0, before other cores, interrupts and the console. */

#include "lib/fdt.h"
#include "update/slots.h"

/* Ranges of memory that the tree names. */
void memory_probe(const struct fdt_node *node);

/* What the started image is told, at a fixed place of its memory (HANDOFF_OFFSET): only loader and image know of it. */
#define HANDOFF_OFFSET 0x3ff800u /* boot/kernel.ld places section .handoff there */

struct handoff {
    uint64_t magic;
    uint32_t slot;
    uint32_t test;         /* 1: to confirm itself */
    uint8_t root[32];      /* Merkle root of the image, as it was checked */
    uint32_t reserved;
    uint32_t crc;
};
static_assert(sizeof(struct handoff) == 56);

/* What this image was told, once; false when the firmware started it. */
[[nodiscard]] bool loader_take_handoff(struct handoff *out);

/* Starts a slot if there is one to start; returns otherwise. `tree` is the device tree that this image got. `close` lets
 * the medium forget the memory that it was told of. What was refused is in `refusal`, its slot in `refused`, else
 * SLOT_NONE. */
void loader_run(struct store *store, const void *tree, uint64_t tree_bytes, void (*close)(void), uint32_t *refused,
                struct refusal *refusal);
