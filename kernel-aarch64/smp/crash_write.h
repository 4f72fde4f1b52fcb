#pragma once
/* For boot only: the writing side of the crash record. */

#include "smp/crash.h"
#include "smp/guard.h"

/* Looks whether an earlier run left a record, and counts this start in it. */
void crash_init(void);

/* Fills the record; the caller writes it back to memory before the reset. `story` may be null. */
const struct crash_record *crash_write(const char *reason, const char *build, uint32_t core, uint64_t image_base,
                                       const struct fault *fault, const struct crash_story *story);
