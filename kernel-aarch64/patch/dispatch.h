#pragma once
/* Calls the modules of a hook. */

#include "gen/abi_status.h"
#include <stdint.h>

struct version;

/* Calls a version as its hook does: counted, watched if it is a canary, taken back if it faults. The result lands in the
 * counters of `core`, which is this core; interrupts are masked. STATUS_MODULE_FAULT. */
enum status dispatch_call(struct version *version, void *context, uint32_t core);

/* The same in every instruction but those of telemetry: what they cost is the difference. */
enum status dispatch_call_uncounted(struct version *version, void *context, uint32_t core);
