#pragma once
/* Calls the modules of a hook, and owns the tick that drives the timer hook. */

#include "gen/abi_hooks.h"
#include "gen/abi_status.h"
#include <stdint.h>

struct version;

#define TIMER_PERIOD_DEFAULT_US 1000u

/* Calls a version as its hook does: counted, watched if it is a canary, taken back if it faults. The result lands in the
 * counters of `core`, which is this core; interrupts are masked. STATUS_MODULE_FAULT. */
enum status dispatch_call(struct version *version, void *context, uint32_t core);

/* The same in every instruction but those of telemetry: what they cost is the difference. */
enum status dispatch_call_uncounted(struct version *version, void *context, uint32_t core);

/* Starts or changes the tick of core 0 and of every core that a timer module is pinned to.
 * STATUS_INVALID_ARGUMENT: outside 50..1000000 us. Core 0, outside interrupts. */
[[nodiscard]] enum status timer_set_period(uint32_t period_us);
uint32_t timer_period_us(void);

/* Mask of the cores that tick now. */
uint32_t timer_cores(void);

/* Starts and stops the ticks of other cores as the timer modules need them. Core 0, main loop. */
void timer_poll(void);

/* Cycles that the tick handler of core 0 has taken so far: to be left out of what was measured meanwhile. */
uint64_t timer_cycles(void);

/* Clears and sums up the ticks of all cores: ticks of core 0, missed of all, the longest gap of any. */
struct tick_stats;
void timer_stats_clear(void);
void timer_stats_read(struct tick_stats *out);
