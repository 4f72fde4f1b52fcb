#include "boot/cores.h"
#include "drivers/psci.h"
#include "drivers/timer.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/deadline.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "smp/start.h"

#define UP_WAIT_US 2'000'000u /* they take microseconds, but for emulated ones on a busy machine */
#define PARK_WAIT_US 1'000'000u

extern void secondary_entry(void);
[[noreturn]] void handover(uint64_t entry, const void *tree); /* boot/handover.S */

struct found_core {
    uint64_t affinity;
    uint64_t release_addr; /* of the spin table; 0 for PSCI */
};
static struct found_core found[MAX_CORES];
static uint32_t found_count;
static uint32_t started; /* with the first, from cores_start() on */

/* Cores that are asked to go wait at it until it is known that all have come. */
static enum : uint32_t { GATE_NONE, GATE_CLOSED, GATE_OPEN } gate;
static uint32_t at_gate;
static const uint8_t *parking_place;

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

static const struct found_core *found_of(uint32_t core) {
    for (uint32_t i = 0; i < found_count; i++) {
        if (found[i].affinity == core_affinity[core]) { return &found[i]; }
    }
    return nullptr;
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

/* Where firmware has both, cores are with PSCI: TF-A adds it to the tree of a Pi 4, and the addresses of the spin table stay. */
static enum status start_one(struct found_core *core) {
    if (psci_present()) { core->release_addr = 0; }
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
    started = 1;
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
    const uint64_t deadline = deadline_in_us(UP_WAIT_US);
    while (cores_count() < started) {
        if (is_past(deadline)) { return STATUS_TIMEOUT; }
        cpu_relax(); /* not WFE: an event that came before would be the last */
    }
    return STATUS_OK;
}

/* Outside of interrupts, so that none is left half handled at the interrupt controller. */
static void leave_when_asked(void) {
    if (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == GATE_NONE) { return; }
    __atomic_fetch_add(&at_gate, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == GATE_CLOSED) { cpu_relax(); }
    if (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == GATE_OPEN) {
        const struct found_core *self = found_of(core_id());
        WRITE_SYSREG(daif, 0xfull << 6);
        WRITE_SYSREG(cntv_ctl_el0, 0ull);
        WRITE_SYSREG(cntp_ctl_el0, 0ull);
        if (self->release_addr) { handover((uintptr_t)parking_place, (const void *)self->release_addr); }
        psci_cpu_off();
    }
    __atomic_fetch_sub(&at_gate, 1, __ATOMIC_ACQ_REL);
}

static void wake(void *) {}

static enum status gather(void) {
    const uint64_t deadline = deadline_in_us(PARK_WAIT_US);
    __atomic_store_n(&gate, GATE_CLOSED, __ATOMIC_RELEASE);
    for (uint32_t core = 1; core < started; core++) { (void)core_call(core, wake, nullptr); } /* a full queue wakes it too */
    while (__atomic_load_n(&at_gate, __ATOMIC_ACQUIRE) < started - 1) {
        if (is_past(deadline)) {
            __atomic_store_n(&gate, GATE_NONE, __ATOMIC_RELEASE);
            return STATUS_TIMEOUT;
        }
        cpu_relax();
    }
    return STATUS_OK;
}

static void wait_until_off(uint64_t affinity) {
    const uint64_t deadline = deadline_in_us(PARK_WAIT_US);
    while (!psci_is_off(affinity) && !is_past(deadline)) { cpu_relax(); }
}

/* A core that firmware does not take back stays where it is, and the next image goes on without it. */
enum status cores_park(const uint8_t *parking) {
    if (cores_up() != started) { return STATUS_BAD_STATE; }
    enum status status = gather();
    parking_place = parking;
    for (uint32_t core = 1; core < started && status == STATUS_OK; core++) {
        const uint64_t release_addr = found_of(core)->release_addr;
        if (release_addr) { status = release(release_addr, 0); }
    }
    __atomic_store_n(&gate, status == STATUS_OK ? GATE_OPEN : GATE_NONE, __ATOMIC_RELEASE);
    for (uint32_t core = 1; core < started && status == STATUS_OK; core++) {
        if (!found_of(core)->release_addr) { wait_until_off(core_affinity[core]); }
    }
    return status;
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
        leave_when_asked();
    }
}
