#pragma once
/* Points in time by the generic timer's counter, for waits that end. Any core, any context, also before anything is set up. */

#include "lib/sysreg.h"
#include <stdint.h>

/* What the device tree says where it does, 0 before it is read: it corrects firmware that left the register unset, or wrong. */
extern uint32_t counter_hz_of_tree;
[[nodiscard]] uint64_t counter_hz(void);

/* At most an hour ahead: counters of up to 1 GHz stay below 64 bits. */
[[nodiscard]] uint64_t deadline_in_us(uint64_t time_us);
[[nodiscard]] static inline bool is_past(uint64_t deadline) { return READ_SYSREG(cntvct_el0) > deadline; }
