#pragma once
/* The watch over a canary: its calls against those of its predecessor, judged on the board. */

#include "gen/abi_status.h"
#include <stdint.h>

struct version;

#define WATCH_WINDOW_DEFAULT 256u
#define WATCH_WINDOW_MAX 1000000u
#define WATCH_RATIO_DEFAULT 1000u /* permille of the predecessor's cycles per call */
#define WATCH_RATIO_MAX 100000u

/* A single call of a canary may take this many times its predecessor's slowest call, and WATCH_CALL_SLACK_CYCLES on top
 * for caches and predictors that have not seen the new code. */
#define WATCH_CALL_FACTOR 4u
#define WATCH_CALL_SLACK_CYCLES 1000u

struct watch {
    uint32_t window;
    uint32_t ratio;
    bool shadow;
    uint64_t call_limit;  /* cycles of a single call; UINT64_MAX without a predecessor */
    uint64_t base_calls;  /* the predecessor, over its recent window; with shadow: over the same inputs */
    uint64_t base_cycles;
    uint64_t calls; /* the canary so far; any core adds */
    uint64_t cycles;
};

struct watch_plan {
    uint32_t window;
    uint32_t ratio;
    bool shadow;
};

/* Sets the watch up before `canary` gets its first call; `predecessor` may be null. Core 0. */
void watch_start(struct version *canary, const struct version *predecessor, const struct watch_plan *plan);

/* Counts one call and judges at the end of the window: promotes or takes back. In the dispatcher, interrupts masked. */
void watch_call(struct version *canary, uint64_t took);

/* Cycles per call, 0 when there were none. */
uint64_t watch_before(const struct watch *watch);
uint64_t watch_after(const struct watch *watch);

/* Notes what every running version has cost so far, now and then: watch_start() compares with recent calls, not with
 * all since start-up. Core 0, main loop. */
void watch_poll(void);
