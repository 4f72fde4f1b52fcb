#pragma once
/* Shadow mode: the predecessor of a canary runs on a copy of the same input, and both must agree. */

#include "patch/version.h"

#define SHADOW_FRAME_BYTES 2048u

/* What the predecessor made of the input; one per core. */
struct shadow {
    bool ran;
    uint64_t result;
    uint32_t frame_bytes; /* 0 when the hook has no frame */
    alignas(16) uint8_t context[64];
    alignas(16) uint8_t frame[SHADOW_FRAME_BYTES];
};

/* Runs the predecessor of `canary` on a copy of the context, and of the frame that a packet context points to. Frames
 * above SHADOW_FRAME_BYTES are not compared. A predecessor that faults, which is told, is compared with no more. In the
 * dispatcher, before the canary's call. */
struct shadow *shadow_run(struct version *canary, const void *context, uint32_t core, struct fault *fault);

/* True when the canary gave another result, or left other bytes in the frame. */
[[nodiscard]] bool shadow_disagrees(const struct shadow *shadow, const void *context, uint64_t result);
