/* Per-core interrupts of the BCM2836 and 2837 (QA7 "ARM Quad A7 core" rev 3.4, §4), and the legacy controller behind
 * them (BCM2835 ARM Peripherals, chapter 7). */
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"

#define GPU_ROUTING 0x0cu
#define TIMER_CONTROL 0x40u   /* per core: bit n enables timer n (0 secure, 1 non-secure, 2 hypervisor, 3 virtual) */
#define MAILBOX_CONTROL 0x50u /* per core: bit n enables mailbox n */
#define SOURCE 0x60u          /* per core: 0..3 timers, 4..7 mailboxes, 8 GPU, 9 PMU */
#define MAILBOX_SET 0x80u     /* 16 bytes per core */
#define MAILBOX_CLEAR 0xc0u
#define SOURCE_MAILBOX0 4u
#define SOURCE_GPU 8u

#define PENDING_BASIC 0x00u
#define PENDING_1 0x04u
#define PENDING_2 0x08u
#define ENABLE_1 0x10u
#define ENABLE_2 0x14u
#define ENABLE_BASIC 0x18u
#define DISABLE_1 0x1cu
#define DISABLE_2 0x20u
#define DISABLE_BASIC 0x24u
#define FIRST_LEGACY 32u /* irq number of bank 0, bit 0; banks as in brcm,bcm2835-armctrl-ic.txt: basic, 1, 2 */

static uint64_t local;
static uint64_t legacy;
static uint32_t local_cells; /* of an interrupt: source and flags, or the source alone in older trees */

static uint32_t this_core(void) { return (uint32_t)READ_SYSREG(tpidr_el1) & 3; }

static enum status probe_node(const struct fdt_node *node, irq_mapper map, uint64_t *base) {
    uint64_t size;
    const enum status status = fdt_reg(node, 0, base, &size);
    return status == STATUS_OK ? map(*base, size) : status;
}

static enum status local_probe(const struct fdt_node *node, irq_mapper map) {
    local_cells = fdt_cell(node->property[FDT_INTERRUPT_CELLS], 0);
    return probe_node(node, map, &local);
}

static enum status legacy_probe(const struct fdt_node *node, irq_mapper map) {
    const enum status status = probe_node(node, map, &legacy);
    if (status != STATUS_OK) { return status; }
    mmio_write(legacy + DISABLE_1, UINT32_MAX);
    mmio_write(legacy + DISABLE_2, UINT32_MAX);
    mmio_write(legacy + DISABLE_BASIC, UINT32_MAX);
    return STATUS_OK;
}

static void core_init(void) {
    mmio_write(local + GPU_ROUTING, 0); /* peripherals interrupt core 0 */
    mmio_write(local + TIMER_CONTROL + 4 * this_core(), 0);
    mmio_write(local + MAILBOX_CONTROL + 4 * this_core(), 1);
}

static void local_enable(uint32_t irq) {
    const uint64_t control = local + TIMER_CONTROL + 4 * this_core();
    if (irq < SOURCE_MAILBOX0) { mmio_write(control, mmio_read(control) | 1u << irq); }
}

static void legacy_enable(uint32_t irq) {
    static const uint32_t registers[3] = {ENABLE_BASIC, ENABLE_1, ENABLE_2};
    const uint32_t bank = (irq - FIRST_LEGACY) / 32;
    if (legacy && bank < 3) { mmio_write(legacy + registers[bank], 1u << irq % 32); }
}

static uint32_t local_number(struct span cells, uint32_t i) {
    const uint32_t source = fdt_cell(cells, local_cells * i);
    return local_cells * i < cells.size / 4 && source < 10 ? source : IRQ_NONE;
}

/* <bank bit> */
static uint32_t legacy_number(struct span cells, uint32_t i) {
    const uint32_t bank = fdt_cell(cells, 2 * i);
    const uint32_t bit = fdt_cell(cells, 2 * i + 1);
    return i < cells.size / 8 && bank < 3 && bit < 32 ? FIRST_LEGACY + 32 * bank + bit : IRQ_NONE;
}

static void deliver_bits(uint32_t first, uint32_t pending) {
    for (; pending; pending &= pending - 1) { irq_deliver(first + (uint32_t)__builtin_ctz(pending)); }
}

static void legacy_handle(void) {
    deliver_bits(FIRST_LEGACY, mmio_read(legacy + PENDING_BASIC) & 0xff); /* above: summaries of the other banks */
    deliver_bits(FIRST_LEGACY + 32, mmio_read(legacy + PENDING_1));
    deliver_bits(FIRST_LEGACY + 64, mmio_read(legacy + PENDING_2));
}

static void handle(void) {
    const uint64_t source = local + SOURCE + 4 * this_core();
    for (uint32_t pending = mmio_read(source); pending & 0x3ff; pending = mmio_read(source)) {
        if (pending & 1u << SOURCE_MAILBOX0) {
            mmio_write(local + MAILBOX_CLEAR + 16 * this_core(), UINT32_MAX);
            barrier_dsb(); /* it has been cleared before the calls are taken: else the bell of a later one could be */
            irq_deliver_ipi();
        }
        if (pending & 1u << SOURCE_GPU) {
            if (!legacy) { return; }
            legacy_handle();
        }
        deliver_bits(0, pending & 15);
    }
}

static void send_ipi(uint64_t affinity, uint32_t core) {
    (void)affinity;
    barrier_dsb_ishst(); /* what the receiver is to find must be there first */
    mmio_write(local + MAILBOX_SET + 16 * (core & 3), 1);
}

static const char *const local_names[] = {"brcm,bcm2836-l1-intc", nullptr};
static const char *const legacy_names[] = {"brcm,bcm2836-armctrl-ic", nullptr};

const struct irq_controller bcm2836_controller = {
    .compatible = local_names,
    .probe = local_probe,
    .core_init = core_init,
    .enable = local_enable,
    .number = local_number,
    .handle = handle,
    .send_ipi = send_ipi,
};

const struct irq_controller armctrl_controller = {
    .compatible = legacy_names,
    .probe = legacy_probe,
    .enable = legacy_enable,
    .number = legacy_number,
};
