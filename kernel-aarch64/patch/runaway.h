#pragma once
/* Cores watch each other, as one that hangs with interrupts masked cannot be interrupted: core 1 looks after core 0, and
 * core 0 after the others, while modules are installed or an image is on trial. A module that does not end is stopped by
 * taking its code away under it, which is a fault like any other; a core that does not answer for another reason costs a
 * reset, with a crash record. When both stop looking, the watchdog of the SoC resets the board, where there is one that is
 * driven; it also runs from the moment another image is entered until that one's main loop runs. */

#include "gen/abi_status.h"

/* STATUS_NOT_SUPPORTED: the board has no second timer. Core 0, once, when the other cores are up. */
[[nodiscard]] enum status runaway_init(void);

/* Core 0, main loop. */
void runaway_poll(void);

/* ESR_EL1 of the fault by which a module ends whose code was taken away: BRK with a number of our own. */
#define RUNAWAY_BRK 0x7d0u
#define RUNAWAY_ESR (0x3cull << 26 | 1ull << 25 | RUNAWAY_BRK)
