#pragma once
/* What surrounds a crash: the way to it, the module that ran, the latest events. */

#include "smp/crash.h"
#include "smp/guard.h"

/* Return addresses relative to the image, innermost first, by the frame records from `frame` on; a chain that leaves the
 * stack of `core` ends there. Returns how many, up to `limit`. Any context. */
uint32_t story_frames(uint32_t core, uint64_t frame, uint64_t *out_rel, uint32_t limit);

/* Reads the stack of `core` from the frame pointer on; a chain that leaves the stack ends there. Any context. */
void crash_story_tell(struct crash_story *out, uint32_t core, const struct fault *fault);
