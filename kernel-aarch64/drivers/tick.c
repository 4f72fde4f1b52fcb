#include "drivers/tick.h"
#include "drivers/clock.h"
#include "drivers/timer.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/irqflags.h"
#include "lib/sysreg.h"

#define CORES 8u /* smp/core.h, MAX_CORES */
#define CTL_ENABLE 1u /* CNTV_CTL_EL0 */

/* Written by its own core, in interrupt context or with interrupts masked; others read. But for what core 0 wants of it. */
struct tick {
    tick_handler handler; /* wanted; null: the next interrupt is the last */
    uint64_t period_count;
    uint64_t deadline_count;
    uint64_t last_count; /* when the handler ran last; 0 before the first time */
    uint64_t ticks;
    uint64_t missed;
    uint64_t longest_gap_count;
    uint32_t period_us; /* wanted; taken over by the core when it is called */
} __attribute__((aligned(64)));

static struct tick ticks[CORES];
static tick_caller call_core;

static struct tick *own(void) { return &ticks[READ_SYSREG(tpidr_el1) & (CORES - 1)]; }

static void timer_set(uint64_t deadline_count) {
    WRITE_SYSREG(cntv_cval_el0, deadline_count);
    WRITE_SYSREG(cntv_ctl_el0, CTL_ENABLE);
    barrier_isb();
}

static void timer_off(void) {
    WRITE_SYSREG(cntv_ctl_el0, 0);
    barrier_isb();
}

/* Fires at the next deadline that leaves the code outside of interrupts at least an eighth of a period, so that a handler
 * that is too slow costs ticks, which are counted as missed, and not the link. */
static void arm_next(const struct tick *tick) {
    const uint64_t now = clock_count();
    const uint64_t period = tick->period_count;
    uint64_t next = tick->deadline_count;
    if (now >= next) { next += ((now - next) / period + 1) * period; }
    if (next != tick->deadline_count && next - now < period / 8) { next += period; }
    timer_set(next);
}

static void on_timer(void *cookie) {
    (void)cookie;
    struct tick *tick = own();
    const tick_handler handler = __atomic_load_n(&tick->handler, __ATOMIC_RELAXED);
    const uint64_t now = clock_count();
    if (!handler) {
        timer_off();
        return;
    }
    if (now < tick->deadline_count) { return; } /* moved since it fired */
    const uint64_t late = now - tick->deadline_count;
    const uint64_t missed = late < tick->period_count ? 0 : late / tick->period_count;
    tick->deadline_count += (missed + 1) * tick->period_count;
    if (tick->last_count && now - tick->last_count > tick->longest_gap_count) {
        tick->longest_gap_count = now - tick->last_count;
    }
    tick->last_count = now;
    tick->ticks++;
    tick->missed += missed;
    handler(clock_ns_of(now), (uint32_t)missed);
    arm_next(tick);
}

static void clear(struct tick *tick) {
    tick->ticks = 0;
    tick->missed = 0;
    tick->longest_gap_count = 0;
    tick->last_count = 0;
}

/* On the core concerned. */
static void take_over(void *arg) {
    struct tick *tick = arg;
    const uint64_t flags = irq_save();
    tick->period_count = clock_hz() * tick->period_us / 1000000;
    tick->deadline_count = clock_count() + tick->period_count;
    clear(tick);
    timer_set(tick->deadline_count);
    irq_restore(flags);
}

static void clear_own(void *arg) {
    const uint64_t flags = irq_save();
    clear(arg);
    irq_restore(flags);
}

enum status tick_init(tick_caller call) {
    call_core = call;
    return irq_register(timer_irq(), on_timer, nullptr);
}

void tick_core_init(void) {
    timer_off();
    irq_enable(timer_irq());
}

enum status tick_start(uint32_t core, uint32_t period_us, tick_handler handler) {
    if (core >= CORES || !handler || period_us < TICK_PERIOD_MIN_US || period_us > TICK_PERIOD_MAX_US) {
        return STATUS_INVALID_ARGUMENT;
    }
    ticks[core].period_us = period_us;
    __atomic_store_n(&ticks[core].handler, handler, __ATOMIC_RELAXED);
    return call_core(core, take_over, &ticks[core]);
}

void tick_stop(uint32_t core) {
    if (core < CORES) { __atomic_store_n(&ticks[core].handler, nullptr, __ATOMIC_RELAXED); }
}

void tick_stats_read(uint32_t core, struct tick_stats *out) {
    *out = (struct tick_stats){};
    if (core >= CORES) { return; }
    const uint64_t flags = irq_save(); /* one moment, where it is this core */
    const struct tick *tick = &ticks[core];
    out->ticks = tick->ticks;
    out->missed = tick->missed;
    out->longest_gap_ns = clock_ns_of(tick->longest_gap_count);
    irq_restore(flags);
}

void tick_stats_clear(uint32_t core) {
    if (core >= CORES) { return; }
    if (call_core(core, clear_own, &ticks[core]) != STATUS_OK) { clear(&ticks[core]); }
}
