#pragma once
/* GPIO lines as modules and the host see them: two maps that exist from the start (abi/patch.ts). Bits of lines that the board
 * does not have do nothing. A module on another core sees and changes the same maps, at any time between two ticks of core 0. */

#include "gen/abi_status.h"

/* Makes the maps. The activity LED lights with the first tick. STATUS_POOL_FULL. Core 0, once. */
[[nodiscard]] enum status lines_init(void);

/* Around the modules of a tick of core 0: `gpio_in` becomes what the lines are, the lines what `gpio_out` is. */
void lines_sample(void);
void lines_apply(void);
