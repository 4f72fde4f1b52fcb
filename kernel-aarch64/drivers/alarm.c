#include "drivers/alarm.h"
#include "drivers/clock.h"
#include "drivers/timer.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/sysreg.h"

#define CTL_ENABLE 1u /* CNTP_CTL_EL0 */

static uint64_t period_count;
static void (*alarm)(void);

static void set(uint32_t control) {
    const uint64_t next = READ_SYSREG(cntpct_el0) + period_count;
    WRITE_SYSREG(cntp_cval_el0, next);
    WRITE_SYSREG(cntp_ctl_el0, control);
    barrier_isb();
}

static void on_alarm(void *) {
    set(CTL_ENABLE);
    alarm();
}

enum status alarm_init(uint32_t period_ms, void (*handler)(void)) {
    const uint32_t irq = timer_physical_irq();
    if (irq == IRQ_NONE) { return STATUS_NOT_SUPPORTED; }
    period_count = clock_hz() / 1000 * period_ms;
    alarm = handler;
    return irq_register(irq, on_alarm, nullptr);
}

void alarm_start_here(void *) {
    irq_enable(timer_physical_irq());
    set(CTL_ENABLE);
}

void alarm_stop_here(void *) { set(0); }
