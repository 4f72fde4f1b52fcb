#pragma once
/* Calls the modules of a hook. */

#include "gen/abi_status.h"
#include <stdint.h>

struct version;

typedef enum status dispatch_function(struct version *version, void *context, uint32_t core);

/* Calls a version as its hook does: counted, watched if it is a canary, taken back if it faults. The result lands in the
 * counters of `core`, which is this core; interrupts are masked. STATUS_MODULE_FAULT. */
enum status dispatch_call(struct version *version, void *context, uint32_t core);

/* What hooks call instead, which calls dispatch_call(), while calls are looked at one by one; else null. Core 0 sets it. The
 * core on which it finds that nobody reads what it keeps clears it. */
extern dispatch_function *dispatch_probe;

/* The same in every instruction but those of telemetry: what they cost is the difference. */
enum status dispatch_call_uncounted(struct version *version, void *context, uint32_t core);
