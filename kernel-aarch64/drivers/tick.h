#pragma once
/* A periodic tick per core, on that core's generic timer. Deadlines are absolute: a late tick does not move the next. */

#include "gen/abi_status.h"
#include <stdint.h>

#define TICK_PERIOD_MIN_US 50u
#define TICK_PERIOD_MAX_US 1000000u

/* Runs in interrupt context. `missed`: whole periods that had passed beyond this tick's deadline. */
typedef void (*tick_handler)(uint64_t now_ns, uint32_t missed);

struct tick_stats {
    uint64_t ticks;
    uint64_t missed;
    uint64_t longest_gap_ns; /* between two calls of the handler */
};

/* Starts it, or changes period and handler. Another core's tick starts a moment later, by an interrupt.
 * STATUS_INVALID_ARGUMENT: no such core, or the period is outside its limits. STATUS_BUSY: that core's queue is full. */
[[nodiscard]] enum status tick_start(uint32_t core, uint32_t period_us, tick_handler handler);
/* The handler is called no more, but where it is about to be; waits for nobody. The timer goes off with its next interrupt. */
void tick_stop(uint32_t core);

void tick_stats_read(uint32_t core, struct tick_stats *out);
void tick_stats_clear(uint32_t core);
