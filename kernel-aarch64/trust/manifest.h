#pragma once
/* The signed manifest of an image (abi/image.ts). */

#include "gen/abi_image.h"
#include "trust/keys.h"

/* Spans point into the header page. */
struct image_manifest {
    struct span board_class;
    uint32_t bytes;
    const uint8_t *root; /* 32 bytes */
    uint32_t memory_bytes;
    struct span build;
    struct span version;
    uint64_t sequence;
};

/* Reads the header page of an update and checks the signature by a key with the role of images. STATUS_BAD_IMAGE; what
 * keys_open() says. Core 0. */
[[nodiscard]] enum status manifest_open(struct span page, struct image_manifest *out, struct refusal *refusal);
