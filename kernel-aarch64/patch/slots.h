#pragma once
/* Hook slots and the modules bound to them. Start-up level after drivers and telemetry, before link. */

#include "gen/abi_hooks.h"
#include "gen/abi_status.h"
#include <stdint.h>

/* Starts the timer hook on core 0 with a period of 1000 us. STATUS_NO_MEMORY when a pool is too small. Core 0, once. */
[[nodiscard]] enum status slots_init(void);

/* Frees versions that were swapped out, after a grace period, and keeps the baselines. Core 0, main loop only.
 * Returns true if it did something. */
bool slots_poll(void);

/* Runs the hook `packet` on a frame, or `uart_line` on a line; modules may change all `room` bytes, `len` of which are frame or line.
 * `port` is as in the hook's context. Returns the verdict: 0 aborted, 1 drop, 2 pass, 3 transmit. Core 0, in interrupts or outside. */
uint32_t frame_dispatch(enum hook_id hook, uint8_t *data, uint32_t room, uint32_t len, uint32_t port);
