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

/* Where a started core arrives, on its own stack, from boot/head.S. */
[[noreturn]] void secondary_main(void);
