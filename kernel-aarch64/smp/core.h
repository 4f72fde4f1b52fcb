#pragma once
/* Cores: who am I, run this over there, and wait until every core has let go of what it held. */

#include "gen/abi_status.h"
#include <stdint.h>

#define MAX_CORES 8u

/* This core, 0..MAX_CORES-1; core 0 is the one that booted. TPIDR_EL1 holds it from entry on. */
static inline uint32_t core_id(void) {
    uint64_t id;
    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(id));
    return (uint32_t)id;
}

/* Cores that run; their ids are 0..cores_up()-1. */
uint32_t cores_up(void);

/* Runs fn(arg) on a core: at once when it is this one, else in the interrupt context of that core, later.
 * STATUS_INVALID_ARGUMENT: no such core. STATUS_BUSY: its queue of 8 calls is full. From any core. */
[[nodiscard]] enum status core_call(uint32_t core, void (*fn)(void *), void *arg);

/* Says that this core holds no reference to code or data that quiescent_wait() may be waiting for.
 * Never called from interrupt context, nor while module code runs on this core. */
void quiescent_point(void);

/* Returns when every core has passed a quiescent point after the call; a core that sleeps counts as passing.
 * Called with interrupts enabled, outside interrupt context. STATUS_TIMEOUT when a core did not in that time. */
[[nodiscard]] enum status quiescent_wait(uint32_t timeout_us);

/* Returns when every other core has taken an exception since the call: none goes on then with instructions that it fetched
 * before (Arm ARM DDI 0487 B2.2.5). Between code_publish() and the store by which other cores come to the code; on core 0,
 * interrupts enabled. STATUS_TIMEOUT when a core did not in that time, STATUS_BUSY when its queue is full. */
[[nodiscard]] enum status cores_fetch_anew(uint32_t timeout_us);

/* Of any core, for whoever watches it: odd while it is in an interrupt, and changes with each. */
[[nodiscard]] uint32_t core_sequence(uint32_t core);
/* Whether it sleeps; `points` counts the quiescent points that it passed. */
[[nodiscard]] bool core_is_idle(uint32_t core, uint32_t *points);

/* Tasks of the OS group: what a core does, for `taskstat`. */
struct core_stats {
    uint64_t idle_wakeups; /* times it came out of WFI */
    uint64_t calls;        /* core_call()s it ran */
    uint32_t stack_size_bytes;
    uint32_t stack_used_bytes; /* deepest use since the start of the core, interrupts and modules included */
};
[[nodiscard]] enum status core_stats_read(uint32_t core, struct core_stats *out);
