/* GICv3 (Arm IHI 0069H: distributor §12.9, redistributors §12.11, system registers §12.2). Everything in group 1. */
#include "irq/gic_cells.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"

#define GICD_CTLR 0x0000u
#define GICD_TYPER 0x0004u
#define GICD_IGROUPR 0x0080u
#define GICD_ISENABLER 0x0100u
#define GICD_ICENABLER 0x0180u
#define GICD_IPRIORITYR 0x0400u
#define GICD_IROUTER 0x6000u
#define GICR_TYPER 0x0008u
#define GICR_WAKER 0x0014u
#define GICR_SGI 0x10000u /* second frame of a redistributor: SGIs and PPIs at the distributor's offsets */

#define CTLR_RWP (1u << 31)
#define CTLR_ARE_NS (1u << 4)
#define CTLR_GROUP1 (1u << 1 | 1u << 0) /* EnableGrp1A and EnableGrp1, whichever this security state has */
#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)
#define TYPER_VLPIS (1ull << 1)
#define TYPER_LAST (1ull << 4)
#define SPURIOUS 1020u
#define SGI_COUNT 16u
#define PRIORITY 0xa0u
#define POLL_LIMIT 100000u /* register reads; each far longer than 10 ns, hence well over 1 ms */

#define MAX_REGIONS 4u

static uint64_t distributor;
static struct {
    uint64_t addr;
    uint64_t size;
} regions[MAX_REGIONS];
static uint32_t region_count;
static uint64_t redistributor[8]; /* by core; 0 when not found */
static uint64_t boot_affinity;

static void wait_while(uint64_t addr, uint32_t bits) {
    for (uint32_t i = 0; i < POLL_LIMIT && (mmio_read(addr) & bits); i++) {}
}

static uint64_t own_affinity(void) {
    const uint64_t mpidr = READ_SYSREG(mpidr_el1);
    return (mpidr >> 8 & 0xff000000) | (mpidr & 0xffffff); /* Aff3 at bits 31..24, as GICR_TYPER has it */
}

static enum status probe(const struct fdt_node *node, irq_mapper map) {
    uint64_t size;
    enum status status = fdt_reg(node, 0, &distributor, &size);
    if (status == STATUS_OK) { status = map(distributor, size); }
    while (status == STATUS_OK && region_count < MAX_REGIONS) {
        if (fdt_reg(node, region_count + 1, &regions[region_count].addr, &regions[region_count].size) != STATUS_OK) {
            break;
        }
        /* 64 frames are more than any board here has cores for. */
        if (regions[region_count].size > 0x800000) { regions[region_count].size = 0x800000; }
        status = map(regions[region_count].addr, regions[region_count].size);
        region_count++;
    }
    if (status != STATUS_OK) { return status; }
    if (region_count == 0) { return STATUS_NO_ENTRY; }
    mmio_write(distributor + GICD_CTLR, 0);
    wait_while(distributor + GICD_CTLR, CTLR_RWP);
    const uint32_t words = (mmio_read(distributor + GICD_TYPER) & 31) + 1;
    for (uint32_t i = 1; i < words; i++) {
        mmio_write(distributor + GICD_ICENABLER + 4 * i, UINT32_MAX);
        mmio_write(distributor + GICD_IGROUPR + 4 * i, UINT32_MAX);
    }
    mmio_write(distributor + GICD_CTLR, CTLR_ARE_NS | CTLR_GROUP1);
    wait_while(distributor + GICD_CTLR, CTLR_RWP);
    boot_affinity = READ_SYSREG(mpidr_el1) & 0xff00ffffffull;
    return STATUS_OK;
}

static uint64_t find_redistributor(void) {
    for (uint32_t r = 0; r < region_count; r++) {
        for (uint64_t at = 0; at + 0x20000 <= regions[r].size;) {
            const uint64_t typer = mmio_read64(regions[r].addr + at + GICR_TYPER);
            if (typer >> 32 == own_affinity()) { return regions[r].addr + at; }
            if (typer & TYPER_LAST) { break; }
            at += typer & TYPER_VLPIS ? 0x40000 : 0x20000;
        }
    }
    return 0;
}

static uint32_t this_core(void) { return (uint32_t)READ_SYSREG(tpidr_el1) & 7; }

static void core_init(void) {
    const uint64_t frame = find_redistributor();
    redistributor[this_core()] = frame;
    if (frame == 0) { return; }
    mmio_write(frame + GICR_WAKER, mmio_read(frame + GICR_WAKER) & ~WAKER_PROCESSOR_SLEEP);
    wait_while(frame + GICR_WAKER, WAKER_CHILDREN_ASLEEP);
    mmio_write(frame + GICR_SGI + GICD_IGROUPR, UINT32_MAX);
    mmio_write(frame + GICR_SGI + GICD_ICENABLER, 0xffff0000u);
    for (uint32_t i = 0; i < 8; i++) {
        mmio_write(frame + GICR_SGI + GICD_IPRIORITYR + 4 * i, PRIORITY * 0x01010101u);
    }
    mmio_write(frame + GICR_SGI + GICD_ISENABLER, 0xffff);
    WRITE_SYSREG(s3_0_c12_c12_5, READ_SYSREG(s3_0_c12_c12_5) | 1); /* ICC_SRE_EL1.SRE */
    barrier_isb();
    WRITE_SYSREG(s3_0_c4_c6_0, 0xff); /* ICC_PMR_EL1 */
    WRITE_SYSREG(s3_0_c12_c12_4, 0);  /* ICC_CTLR_EL1: EOI also deactivates */
    WRITE_SYSREG(s3_0_c12_c12_7, 1);  /* ICC_IGRPEN1_EL1 */
    barrier_isb();
}

static void enable(uint32_t irq) {
    if (irq < 32) {
        const uint64_t frame = redistributor[this_core()];
        if (frame) { mmio_write(frame + GICR_SGI + GICD_ISENABLER, 1u << irq); }
        return;
    }
    mmio_write8(distributor + GICD_IPRIORITYR + irq, PRIORITY);
    mmio_write64(distributor + GICD_IROUTER + 8 * (uint64_t)irq, boot_affinity);
    mmio_write(distributor + GICD_ISENABLER + irq / 32 * 4, 1u << irq % 32);
}

static void handle(void) {
    for (;;) {
        const uint64_t irq = READ_SYSREG(s3_0_c12_c12_0) & 0xffffff; /* ICC_IAR1_EL1 */
        barrier_dsb();
        if (irq >= SPURIOUS) { return; }
        /* ICC_EOIR1_EL1, before the handler: a further one is not merged, and a module that it calls can be sampled. */
        WRITE_SYSREG(s3_0_c12_c12_1, irq);
        irq < SGI_COUNT ? irq_deliver_ipi() : irq_deliver((uint32_t)irq);
    }
}

/* ICC_SGI1R_EL1: Aff3 55..48, range selector 47..44, Aff2 39..32, INTID 27..24, Aff1 23..16, target list 15..0. */
static void send_ipi(uint64_t affinity, uint32_t core) {
    (void)core;
    const uint64_t aff0 = affinity & 0xff;
    const uint64_t value = (affinity >> 32 & 0xff) << 48 | aff0 >> 4 << 44 | (affinity >> 16 & 0xff) << 32 |
                           (affinity >> 8 & 0xff) << 16 | 1ull << (aff0 & 15);
    barrier_dsb_ishst(); /* what the receiver is to find must be there first */
    WRITE_SYSREG(s3_0_c12_c11_5, value);
    barrier_isb();
}

static const char *const names[] = {"arm,gic-v3", nullptr};

const struct irq_controller gic3_controller = {
    .compatible = names,
    .probe = probe,
    .core_init = core_init,
    .enable = enable,
    .number = gic_number,
    .handle = handle,
    .send_ipi = send_ipi,
};
