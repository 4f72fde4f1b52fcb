/* The tick on this machine: the test says what time it is, and fires the timers of the cores. Prints "ok NAME" or "not ok NAME" for
 * each check. */
#include "drivers/clock.h"
#include "drivers/tick.h"
#include "drivers/timer.h"
#include "irq/irq.h"
#include <stdio.h>

#define CORES 8u
#define PERIOD_US 100u

static uint32_t here, called, missed_last;
static uint64_t now = 1000; /* counts of 1 MHz */
static struct {
    uint64_t deadline;
    bool on;
} timers[CORES];
static irq_handler interrupt;
static bool full; /* no core takes calls */

uint64_t sysreg_tpidr_el1(void) { return here; }
void sysreg_cntv_cval_el0_is(uint64_t value) { timers[here].deadline = value; }
void sysreg_cntv_ctl_el0_is(uint64_t value) { timers[here].on = value != 0; }
uint64_t clock_hz(void) { return 1'000'000; }
uint64_t clock_count(void) { return now; }
uint64_t clock_ns_of(uint64_t count) { return 1000 * count; }
uint32_t timer_irq(void) { return 27; }
void irq_enable(uint32_t irq) { (void)irq; }
enum status irq_register(uint32_t irq, irq_handler handler, void *) {
    interrupt = handler;
    return irq == 27 ? STATUS_OK : STATUS_NO_ENTRY;
}

static enum status call(uint32_t core, void (*fn)(void *), void *arg) {
    if (full) { return STATUS_BUSY; }
    here = core;
    fn(arg);
    here = 0;
    return STATUS_OK;
}

static void on_tick(uint64_t now_ns, uint32_t missed) {
    called += now_ns == 1000 * now;
    missed_last = missed;
}

/* It is `count` later; true when the timer of the core fired. */
static bool later(uint32_t core, uint64_t count) {
    now += count;
    if (!timers[core].on || now < timers[core].deadline) { return false; }
    here = core;
    interrupt(nullptr);
    here = 0;
    return true;
}

static bool late_ticks_do_not_move_the_next(void) {
    bool good = tick_start(1, PERIOD_US, on_tick) == STATUS_OK && !later(1, PERIOD_US - 1);
    const uint64_t first = now + 1;
    good = good && later(1, 11) && called == 1 && missed_last == 0 && timers[1].deadline == first + PERIOD_US;
    good = good && later(1, 2 * PERIOD_US + 20) && called == 2 && missed_last == 1 && timers[1].deadline == first + 3 * PERIOD_US;
    struct tick_stats stats;
    tick_stats_read(1, &stats);
    return good && stats.ticks == 2 && stats.missed == 1 && stats.longest_gap_ns == (2 * PERIOD_US + 20) * 1000;
}

static bool a_tick_is_stopped_on_a_core_that_takes_no_calls(void) {
    full = true;
    called = 0;
    tick_stop(1);
    const bool good = later(1, PERIOD_US) && called == 0 && !timers[1].on;
    full = false;
    return good && !later(1, 10 * PERIOD_US);
}

static bool what_was_stopped_starts_again(void) {
    bool good = tick_start(1, PERIOD_US, on_tick) == STATUS_OK && later(1, PERIOD_US) && called == 1;
    tick_stop(1);
    good = good && tick_start(1, 2 * PERIOD_US, on_tick) == STATUS_OK; /* before the timer fired */
    return good && !later(1, PERIOD_US) && later(1, PERIOD_US) && called == 2;
}

static bool a_core_that_takes_no_calls_is_not_started(void) {
    full = true;
    const bool good = tick_start(2, PERIOD_US, on_tick) == STATUS_BUSY && !later(2, PERIOD_US);
    full = false;
    return good && tick_start(2, PERIOD_US, on_tick) == STATUS_OK && later(2, PERIOD_US);
}

static bool periods_and_cores_have_limits(void) {
    return tick_start(CORES, PERIOD_US, on_tick) == STATUS_INVALID_ARGUMENT && tick_start(0, PERIOD_US, nullptr) == STATUS_INVALID_ARGUMENT &&
           tick_start(0, TICK_PERIOD_MIN_US - 1, on_tick) == STATUS_INVALID_ARGUMENT &&
           tick_start(0, TICK_PERIOD_MAX_US + 1, on_tick) == STATUS_INVALID_ARGUMENT;
}

#define CHECK(name) printf("%s " #name "\n", name() ? "ok" : "not ok")

int main(void) {
    if (tick_init(call) != STATUS_OK) { return 1; }
    CHECK(late_ticks_do_not_move_the_next);
    CHECK(a_tick_is_stopped_on_a_core_that_takes_no_calls);
    CHECK(what_was_stopped_starts_again);
    CHECK(a_core_that_takes_no_calls_is_not_started);
    CHECK(periods_and_cores_have_limits);
    return 0;
}
