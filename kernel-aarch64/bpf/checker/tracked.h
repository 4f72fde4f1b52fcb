#pragma once
/* What fast.c does out of its loop. */

#include "bpf/checker/light.h"
#include "bpf/checker/rows.h"

/* One instruction of which what it makes or compares matters, and whose flags are set; false when it is not simple. */
[[nodiscard]] bool step_tracked(struct loop *l, uint64_t pc);
/* The same of a pointer that is followed, or comes to be: it is copied, or a constant added. */
[[nodiscard]] bool step_followed(struct loop *l, uint64_t pc);
/* The state that jumps is not the one that goes on, and `masks` are its own, before the change that comes now; it does not know
 * the registers of `unknown`. The event is EVENT_JUMP, or EVENT_FALL when it is no jump, but comes to where states meet. False when
 * it can't wait lightly. */
[[nodiscard]] bool wait_changed(struct loop *l, uint64_t pc, int64_t by, uint64_t masks, uint32_t unknown, enum event event);
/* The instruction writes a register that is followed, or that states know, which is so no more then: it may be stepped. */
[[nodiscard]] bool overwrites(struct loop *l, uint64_t pc);
