#include "drivers/clock.h"
#include "drivers/timer.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/deadline.h"
#include "lib/sysreg.h"

#define PHYSICAL_INDEX 1u /* interrupts: secure, non-secure, virtual, hypervisor (binding arm,arch_timer) */
#define VIRTUAL_INDEX 2u

static uint64_t hz;
static uint64_t ns_per_count_32; /* 2^32 * nanoseconds per count */
static uint32_t interrupt_parent;
static struct span interrupts;

void timer_probe(const struct fdt_node *node) {
    if (!fdt_compatible(node, "arm,armv8-timer") && !fdt_compatible(node, "arm,armv7-timer")) { return; }
    interrupt_parent = node->interrupt_parent;
    interrupts = node->property[FDT_INTERRUPTS];
    counter_hz_of_tree = fdt_cell(node->property[FDT_CLOCK_FREQUENCY], 0);
}

uint32_t timer_physical_irq(void) { return irq_number(interrupt_parent, interrupts, PHYSICAL_INDEX); }

uint32_t timer_irq(void) { return irq_number(interrupt_parent, interrupts, VIRTUAL_INDEX); }

enum status clock_init(void) {
    hz = counter_hz();
    if (hz == 0) { return STATUS_NOT_SUPPORTED; }
    ns_per_count_32 = (1000000000ull << 32) / hz;
    return STATUS_OK;
}

uint64_t clock_hz(void) { return hz; }

uint64_t clock_count(void) {
    barrier_isb(); /* keeps the reading from being taken early */
    return READ_SYSREG(cntvct_el0);
}

uint64_t clock_ns_of(uint64_t count) { return (uint64_t)((unsigned __int128)count * ns_per_count_32 >> 32); }

uint64_t clock_ns(void) { return clock_ns_of(clock_count()); }
