#pragma once
/* Hook slots and the modules bound to them. Start-up level after drivers and telemetry, before link. */

#include "gen/abi_status.h"
#include <stdint.h>

/* Starts the timer hook on core 0 with a period of 1000 us. STATUS_NO_MEMORY when a pool is too small. Core 0, once. */
[[nodiscard]] enum status slots_init(void);

/* Frees versions that were swapped out, after a grace period, and keeps the baselines. Core 0, main loop only.
 * Returns true if it did something. */
bool slots_poll(void);

/* Runs the packet hook on a frame; the frame may be changed. `port`: 0 injected over the link, 1 first network device.
 * Returns the verdict: 0 aborted, 1 drop, 2 pass, 3 transmit. Core 0, in interrupts or outside. */
uint32_t packet_dispatch(uint8_t *data, uint32_t len, uint32_t port);
