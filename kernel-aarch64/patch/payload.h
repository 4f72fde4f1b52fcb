#pragma once
/* The signed payload of a patch (abi/patch.ts), decoded and checked for form. Pure. */

#include "bpf/maps/map.h"
#include "patch/service.h"

/* Spans point into the payload. */
struct patch {
    struct span name; /* 1..NAME_BYTES of a-z A-Z 0-9 _ - . */
    uint32_t hook;    /* not checked: any number */
    struct span board_class;
    struct span code; /* not checked */
    struct map_definition maps[MAX_MAPS_PER_PROGRAM];
    uint32_t map_count;
    struct span certificate;
    uint64_t bound;
    struct span parent; /* 0 or 32 bytes */
    uint64_t sequence;
    struct span proposer;
    struct span model_hash; /* each 0 or 32 bytes */
    struct span prompt_hash;
    struct span proof_hash;
    uint32_t proof; /* 0..2 */
    uint32_t cores;
    uint32_t period_us; /* 0, or a period that the tick can have */
    struct span boot;   /* BOOT_ID_BYTES */
};

/* STATUS_BAD_PATCH with the key at fault. Keys that this release does not know are skipped. */
[[nodiscard]] enum status patch_decode(struct span payload, struct patch *out, struct refusal *refusal);
