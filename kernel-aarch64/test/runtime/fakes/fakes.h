#pragma once
/* The board as the native tests have it: memory from malloc, time and cycles that a test sets. */

#include "lib/span.h"
#include "smp/guard.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

static inline void check(bool holds, const char *condition, const char *file, int line) {
    if (holds) { return; }
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    exit(1);
}

extern uint64_t fake_cycles;
extern uint64_t fake_time_ns;
extern uint64_t fake_inputs;  /* what gpio_read() finds */
extern uint64_t fake_outputs; /* what gpio_write() was given last */
extern uint32_t fake_cores;
extern _Thread_local uint32_t fake_core;
extern uint32_t fake_pool_blocks; /* in use */
extern uint32_t fake_pool_left; /* blocks that it gives before it refuses one */
extern bool fake_quiescent;  /* quiescent_wait() and cores_fetch_anew() succeed */
extern void (*fake_fetching)(void); /* called by cores_fetch_anew() */
extern bool fake_fault_next; /* the next guarded call of the code area faults */
extern void (*fake_tick)(uint64_t now_ns, uint32_t missed);

static inline struct span text(const char *value) {
    return (struct span){(const uint8_t *)value, (uint32_t)strlen(value)};
}
