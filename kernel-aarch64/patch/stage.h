#pragma once
/* The staging buffer: where a patch or a program arrives in pieces. Core 0, outside interrupts. */

#include "patch/service.h"

/* The staged bytes, once all have come and their hash is what was announced; they stay until the next stage_put() with
 * offset 0. STATUS_BAD_STATE: nothing is staged, or not all. STATUS_STAGE_HASH: staging starts anew. */
[[nodiscard]] enum status stage_get(struct span *out, struct refusal *refusal);
