#include "patch/timer_hook.h"
#include "drivers/tick.h"
#include "patch/modules.h"

uint32_t timer_period_us;
uint64_t timer_tick_cycles;
static uint32_t ticking = 0; /* mask of cores; core 0 writes it */

/* Core 0 always ticks: the timer hook counts ticks even when nothing is bound to it. */
static uint32_t cores_needed(void) {
    uint32_t cores = 1;
    for (uint32_t slot = 0; slot < SLOTS_PER_HOOK; slot++) {
        const struct version *version = __atomic_load_n(&hook_slots[HOOK_TIMER].slot[slot], __ATOMIC_ACQUIRE);
        if (version != nullptr) { cores |= version->cores; }
    }
    return cores;
}

enum status timer_set_period(uint32_t new_period_us) {
    if (new_period_us < TICK_PERIOD_MIN_US || new_period_us > TICK_PERIOD_MAX_US) { return STATUS_INVALID_ARGUMENT; }
    timer_period_us = new_period_us;
    const uint32_t cores = ticking | 1;
    ticking = 0;
    for (uint32_t core = 0; core < cores_up(); core++) {
        if ((cores >> core & 1) == 0) { continue; }
        const enum status status = tick_start(core, timer_period_us, timer_tick);
        if (status != STATUS_OK) { return status; }
        ticking |= 1u << core;
    }
    return STATUS_OK;
}

void timer_poll(void) {
    const uint32_t needed = cores_needed();
    if (needed == ticking) { return; }
    for (uint32_t core = 0; core < cores_up(); core++) {
        const uint32_t bit = 1u << core;
        if ((needed & bit) != 0 && (ticking & bit) == 0) {
            /* A full queue of that core: tried again at the next poll. */
            if (tick_start(core, timer_period_us, timer_tick) == STATUS_OK) { ticking |= bit; }
        } else if ((needed & bit) == 0 && (ticking & bit) != 0) {
            tick_stop(core);
            ticking &= ~bit;
        }
    }
}

void timer_stats_clear(void) {
    for (uint32_t core = 0; core < cores_up(); core++) { tick_stats_clear(core); }
}

void timer_stats_read(struct tick_stats *out) {
    *out = (struct tick_stats){};
    for (uint32_t core = 0; core < cores_up(); core++) {
        if ((ticking >> core & 1) == 0) { continue; }
        struct tick_stats stats;
        tick_stats_read(core, &stats);
        if (core == 0) { out->ticks = stats.ticks; }
        out->missed += stats.missed;
        if (stats.longest_gap_ns > out->longest_gap_ns) { out->longest_gap_ns = stats.longest_gap_ns; }
    }
}
