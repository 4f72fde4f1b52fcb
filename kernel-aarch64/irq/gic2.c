/* GICv2 and GIC-400 (Arm IHI 0048B: distributor §4.3, CPU interface §4.4). Without security extensions or in the
 * non-secure state, group 0 as seen from there. */
#include "irq/gic_cells.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"

#define GICD_CTLR 0x000u
#define GICD_TYPER 0x004u
#define GICD_ISENABLER 0x100u
#define GICD_ICENABLER 0x180u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR 0x800u
#define GICD_SGIR 0xf00u
#define GICC_CTLR 0x000u
#define GICC_PMR 0x004u
#define GICC_IAR 0x00cu
#define GICC_EOIR 0x010u

#define IAR_ID 0x3ffu
#define SPURIOUS 1020u /* 1020..1023 are special (§3.2.5) */
#define SGI_COUNT 16u
#define PRIORITY 0xa0u /* one level for all: no nesting */

static uint64_t distributor;
static uint64_t interface;
static uint8_t interface_of_core[8]; /* GICD_ITARGETSR0 reads as the bit of the reading core */

static enum status probe(const struct fdt_node *node, irq_mapper map) {
    uint64_t addr[2];
    uint64_t size[2];
    for (uint32_t i = 0; i < 2; i++) {
        enum status status = fdt_reg(node, i, &addr[i], &size[i]);
        if (status == STATUS_OK) { status = map(addr[i], size[i]); }
        if (status != STATUS_OK) { return status; }
    }
    distributor = addr[0];
    interface = addr[1];
    mmio_write(distributor + GICD_CTLR, 0);
    const uint32_t words = (mmio_read(distributor + GICD_TYPER) & 31) + 1; /* ITLinesNumber */
    for (uint32_t i = 1; i < words; i++) { mmio_write(distributor + GICD_ICENABLER + 4 * i, UINT32_MAX); }
    mmio_write(distributor + GICD_CTLR, 1);
    return STATUS_OK;
}

static void core_init(void) {
    interface_of_core[READ_SYSREG(tpidr_el1) & 7] = (uint8_t)mmio_read(distributor + GICD_ITARGETSR);
    mmio_write(distributor + GICD_ICENABLER, 0xffff0000u); /* private interrupts off until they are enabled */
    for (uint32_t i = 0; i < 8; i++) { mmio_write(distributor + GICD_IPRIORITYR + 4 * i, PRIORITY * 0x01010101u); }
    mmio_write(distributor + GICD_ISENABLER, 0xffff); /* software-generated ones, where they can be disabled at all */
    mmio_write(interface + GICC_PMR, 0xff);
    mmio_write(interface + GICC_CTLR, 1);
}

static void enable(uint32_t irq) {
    mmio_write8(distributor + GICD_IPRIORITYR + irq, PRIORITY);
    if (irq >= 32) { mmio_write8(distributor + GICD_ITARGETSR + irq, interface_of_core[0]); }
    mmio_write(distributor + GICD_ISENABLER + irq / 32 * 4, 1u << irq % 32);
}

static void handle(void) {
    for (;;) {
        const uint32_t taken = mmio_read(interface + GICC_IAR);
        const uint32_t irq = taken & IAR_ID;
        if (irq >= SPURIOUS) { return; }
        /* Before the handler: a further one is not merged, and a module that the handler calls can be sampled. */
        mmio_write(interface + GICC_EOIR, taken);
        irq < SGI_COUNT ? irq_deliver_ipi() : irq_deliver(irq);
    }
}

static void send_ipi(uint64_t affinity, uint32_t core) {
    (void)affinity;
    barrier_dsb_ishst(); /* what the receiver is to find must be there first */
    mmio_write(distributor + GICD_SGIR, (uint32_t)interface_of_core[core & 7] << 16);
}

static const char *const names[] = {"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic",
                                    nullptr};

const struct irq_controller gic2_controller = {
    .compatible = names,
    .probe = probe,
    .core_init = core_init,
    .enable = enable,
    .number = gic_number,
    .handle = handle,
    .send_ipi = send_ipi,
};
