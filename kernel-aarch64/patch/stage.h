#pragma once
/* The staging buffer: where a patch or a program arrives in pieces. Core 0, outside interrupts. */

#include "patch/service.h"

/* The staged bytes, once all have come and their hash is what was announced, and `sha` if that is given; they stay until the
 * next stage_put() with offset 0. STATUS_BAD_STATE: nothing is staged, or not all. STATUS_UPLOAD_TAKEN: other bytes are staged.
 * STATUS_STAGE_HASH: staging starts anew. */
[[nodiscard]] enum status stage_get(bool has_sha, struct span sha, struct span *out, struct refusal *refusal);
