#pragma once
/* Start-up of telemetry: event ring, evidence store and counters. Needs nothing but memory. */

#include "gen/abi_status.h"

/* Cannot fail today; the status keeps the shape of every start-up level. Core 0, once. */
[[nodiscard]] enum status telemetry_init(void);
