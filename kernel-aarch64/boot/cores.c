#include "boot/cores.h"
#include "drivers/psci.h"
#include "drivers/timer.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "smp/start.h"

#define UP_WAIT_MS 200u

extern void secondary_entry(void);

struct found_core {
    uint64_t affinity;
    uint64_t release_addr; /* of the spin table; 0 for PSCI */
};
static struct found_core found[MAX_CORES];
static uint32_t found_count;
static uint32_t started = 1;

void cores_probe(const struct fdt_node *node) {
    static const struct span type = {(const uint8_t *)"cpu", 4};
    if (!span_equal(node->property[FDT_DEVICE_TYPE], type) || found_count == MAX_CORES) { return; }
    const struct span reg = node->property[FDT_REG];
    const struct span release = node->property[FDT_RELEASE_ADDR];
    struct found_core *core = &found[found_count++];
    core->affinity = reg.size == 8 ? (uint64_t)fdt_cell(reg, 0) << 32 | fdt_cell(reg, 1) : fdt_cell(reg, 0);
    core->release_addr = release.size == 8 ? (uint64_t)fdt_cell(release, 0) << 32 | fdt_cell(release, 1)
                                           : fdt_cell(release, 0);
}

static enum status release(uint64_t release_addr, uint64_t entry) {
    void *window;
    const enum status status = map_window(release_addr, &window);
    if (status != STATUS_OK) { return status; }
    *(volatile uint64_t *)window = entry;
    cache_clean(window, sizeof(uint64_t));
    unmap_window();
    __asm__ volatile("dsb sy\n\tsev" ::: "memory");
    return STATUS_OK;
}

static enum status start_one(const struct found_core *core) {
    const uint64_t entry = (uintptr_t)secondary_entry;
    core_affinity[started] = core->affinity;
    cache_clean(core_affinity, sizeof core_affinity);
    const enum status status =
        core->release_addr ? release(core->release_addr, entry) : psci_cpu_on(core->affinity, entry, 0);
    if (status != STATUS_OK) {
        core_affinity[started] = UINT64_MAX;
        return status;
    }
    started++;
    return STATUS_OK;
}

enum status cores_start(void) {
    cores_init(irq_send_ipi);
    irq_on_ipi(core_run_calls);
    enum status result = STATUS_OK;
    for (uint32_t i = 0; i < found_count; i++) {
        if (found[i].affinity == core_affinity[0] || started == MAX_CORES) { continue; }
        const enum status status = start_one(&found[i]);
        if (status != STATUS_OK) { result = status; }
    }
    return result;
}

enum status cores_wait(void) {
    const uint64_t deadline = READ_SYSREG(cntvct_el0) + READ_SYSREG(cntfrq_el0) / 1000 * UP_WAIT_MS;
    while (cores_count() < started) {
        if (READ_SYSREG(cntvct_el0) > deadline) { return STATUS_TIMEOUT; }
        cpu_relax(); /* not WFE: an event that came before would be the last */
    }
    return STATUS_OK;
}

/* Interrupts stay unmasked: idle is what this core is outside of them. */
void secondary_main(void) {
    irq_core_init();
    tick_core_init();
    core_came_up();
    for (;;) {
        const uint64_t masked = 0xf << 6;
        WRITE_SYSREG(daif, masked);
        core_idle();
        WRITE_SYSREG(daif, masked & ~(6ull << 6)); /* SError and IRQ: takes the interrupt that woke it */
        barrier_isb();
    }
}
