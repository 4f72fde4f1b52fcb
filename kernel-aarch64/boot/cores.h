#pragma once
/* Brings the other cores up, by PSCI or by the spin table (Devicetree Specification 0.4, §3.8.1). */

#include "gen/abi_status.h"
#include "lib/fdt.h"

/* Remembers the cores of the tree. */
void cores_probe(const struct fdt_node *node);

/* Starts them all without waiting. */
[[nodiscard]] enum status cores_start(void);

/* Waits for those that were started; a core that does not come up in time is left out. */
[[nodiscard]] enum status cores_wait(void);

/* Brings the others back to where their next start finds them: off, or in the loop at `parking`, which they read past their
 * caches. STATUS_BAD_STATE: one was started and never came. STATUS_TIMEOUT: one does not let go of what it does; the
 * others go on then. Core 0, interrupts enabled. */
[[nodiscard]] enum status cores_park(const uint8_t *parking);

/* Where a started core arrives, on its own stack, from boot/head.S. */
[[noreturn]] void secondary_main(void);
