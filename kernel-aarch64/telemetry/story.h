#pragma once
/* What surrounds a crash: the way to it, the module that ran, the latest events. */

#include "smp/crash.h"
#include "smp/guard.h"

/* Reads the stack of `core` from the frame pointer on; a chain that leaves the stack ends there. Any context. */
void crash_story_tell(struct crash_story *out, uint32_t core, const struct fault *fault);
