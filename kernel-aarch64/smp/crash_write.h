#pragma once
/* For boot only: the writing side of the crash record. */

#include "smp/crash.h"
#include "smp/guard.h"

/* Looks whether an earlier run left a record, and counts this start in it. */
void crash_init(void);

/* True for the first core that crashes: it tells why, and resets the board. Another one waits for that, and resets the board
 * itself when it does not come; so does at once the first, when telling is what it crashes in. */
[[nodiscard]] bool crash_claim(void);

/* Fills the record and writes it back to memory: a reset drops what the caches hold. `story` may be null. */
void crash_write(const char *reason, const char *build, uint32_t core, const struct fault *fault, const struct crash_story *story);
