#pragma once
/* The ticks that drive the timer hook. */

#include "gen/abi_hooks.h"
#include "gen/abi_status.h"
#include <stdint.h>

constexpr uint32_t TIMER_PERIOD_DEFAULT_US = 1000;

/* Core 0 writes it, by timer_set_period() alone. */
extern uint32_t timer_period_us;

/* Cycles that the tick handler of core 0 has taken so far: to be left out of what was measured meanwhile. */
extern uint64_t timer_tick_cycles;
static inline uint64_t timer_cycles(void) { return __atomic_load_n(&timer_tick_cycles, __ATOMIC_RELAXED); }

/* Calls the modules of the timer hook that are pinned to this core (patch/dispatch.c). In interrupt context. */
void timer_tick(uint64_t now_ns, uint32_t missed);

/* Starts or changes the tick of core 0 and of every core that a timer module is pinned to.
 * STATUS_INVALID_ARGUMENT: outside 50..1000000 us. Core 0, outside interrupts. */
[[nodiscard]] enum status timer_set_period(uint32_t period_us);

/* Starts and stops the ticks of other cores as the timer modules need them. Core 0, main loop. */
void timer_poll(void);

/* Clears and sums up the ticks of all cores: ticks of core 0, missed of all, the longest gap of any. */
struct tick_stats;
void timer_stats_clear(void);
void timer_stats_read(struct tick_stats *out);
