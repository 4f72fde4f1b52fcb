/* What the interrupt controllers of a device tree are told: `irq_host TREE WAITING...` finds them, starts cores 0 to 2, enables,
 * takes and sends interrupts, and prints each access that writes, and each barrier, in their order. WAITING is what the registers
 * that tell of interrupts read as, one after the other, in hexadecimal; where it is `stuck`, no controller ends what it is told. */
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_MAX_BYTES 0x10000u

/* Where the trees of the test have them. */
#define GICD 0x8000000ul
#define GICC 0x8010000ul
#define GICR 0x9000000ul
#define GICR_OTHERS 0xa000000ul
#define GICR_BYTES 0x20000ul
#define LOCAL 0x40000000ul
#define LEGACY 0x3f00b200ul

#define CONTROL_PENDING (1u << 31) /* GICD_CTLR.RWP */
#define ASLEEP 6u                  /* GICR_WAKER: told to be, and is */

static const uint64_t affinities[] = {0x81000100, 0x80000500, 0x1'8302'0314}; /* MPIDR_EL1 of cores */
static uint32_t core;
static char **waiting;
static bool is_v3;
static uint32_t slow_reads = 3; /* until a controller has done what it was told */
static uint32_t control, control_reads, waker, waker_reads, timers;

static uint32_t next(void) { return *waiting ? (uint32_t)strtoul(*waiting++, nullptr, 16) : 0x3ff; }

static void handler(void *cookie) { printf("handler %s\n", (const char *)cookie); }
static void calls(void) { printf("handler of calls\n"); }

void barrier(const char *name) { printf("%s\n", name); }

static uint32_t read_control(void) { return control | (control_reads > 0 && control_reads-- > 0 ? CONTROL_PENDING : 0); }
static uint32_t read_waker(void) { return waker | (waker_reads > 0 && waker_reads-- > 0 ? 4 : 0); }

uint32_t mmio_read(uint64_t addr) {
    switch (addr) {
    case GICD: return read_control();
    case GICD + 4: return 2 | 7 << 5; /* 96 interrupts */
    case GICD + 0x800: return 0x01010101u << core;
    case GICR + 0x14:
    case GICR_OTHERS + 0x14: return read_waker();
    case GICC + 0xc:
    case LOCAL + 0x60:
    case LEGACY:
    case LEGACY + 4:
    case LEGACY + 8: return next();
    case LOCAL + 0x40: return timers;
    default: return 0;
    }
}

/* TYPER of redistributors (Arm IHI 0069, §12.11): affinity, bit 4 of the last of a region, bit 1 of one with twice the frames. */
uint64_t mmio_read64(uint64_t addr) {
    switch (addr) {
    case GICR + 8: return 0x00000100ull << 32 | 1u << 1;
    case GICR + 2 * GICR_BYTES + 8: return 1u << 4;
    case GICR_OTHERS + 8: return 0x01020314ull << 32 | 1u << 4;
    default: return addr > GICR && addr < GICR_OTHERS ? 0x01020314ull << 32 : 0; /* what is none */
    }
}

static void put(uint64_t addr, uint64_t value, const char *width) {
    const bool early = addr >= GICR && addr < LEGACY ? (addr & 0x10000) && (waker & 2 || waker_reads > 0) : control_reads > 0;
    printf("%s%lx %s%lx\n", early ? "too early: " : "", (unsigned long)addr, width, (unsigned long)value);
    if (addr == GICD) {
        control = (uint32_t)value;
        control_reads = is_v3 ? slow_reads : 0;
    }
    if (addr == LOCAL + 0x40) { timers = (uint32_t)value; }
    if (addr >= GICR && addr < LEGACY && (addr & 0x1ffff) == 0x14) {
        waker = (uint32_t)value & 2;
        waker_reads = slow_reads;
    }
}
void mmio_write(uint64_t addr, uint32_t value) { put(addr, value, ""); }
void mmio_write8(uint64_t addr, uint8_t value) { put(addr, value, "byte "); }
void mmio_write64(uint64_t addr, uint64_t value) { put(addr, value, "long "); }

uint64_t sysreg_read(const char *name) {
    if (strcmp(name, "tpidr_el1") == 0) { return core; }
    if (strcmp(name, "mpidr_el1") == 0) { return affinities[core]; }
    return strcmp(name, "s3_0_c12_c12_0") == 0 ? next() : 6; /* ICC_IAR1_EL1; others have bits that stay */
}
void sysreg_write(const char *name, uint64_t value) { printf("%s %lx\n", name, (unsigned long)value); }

static enum status map(uint64_t addr, uint64_t size_bytes) {
    printf("map %lx %lx\n", (unsigned long)addr, (unsigned long)size_bytes);
    is_v3 = is_v3 || addr == GICR;
    return STATUS_OK;
}

static void probe(void *, const struct fdt_node *node) { irq_probe(node, map); }

static void start_core(uint32_t number) {
    core = number;
    waker = ASLEEP;
    printf("core %u\n", core);
    irq_core_init();
}

static void enable(uint32_t irq) {
    printf("enable %u\n", irq);
    irq_enable(irq);
}

int main(int argc, char **argv) {
    static uint32_t bytes[TREE_MAX_BYTES / 4];
    static char names[16][8];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : nullptr;
    if (!file) { return 1; }
    const uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    waiting = argv + 2;
    if (*waiting && strcmp(*waiting, "stuck") == 0) { slow_reads = UINT32_MAX; }
    struct fdt tree;
    if (fdt_open(bytes, size, &tree) != STATUS_OK || fdt_walk(&tree, probe, nullptr) != STATUS_OK) { return 1; }
    if (irq_ready() != STATUS_OK) { return 1; }
    start_core(0);
    start_core(1);
    enable(3);
    start_core(2);
    enable(3);
    core = 0;
    enable(1);
    enable(3);
    enable(27);
    enable(77);
    enable(IRQ_NONE);
    const uint32_t irqs[] = {3, 27, 77, 77, 40};
    for (uint32_t i = 0; i < 16; i++) {
        const uint32_t irq = i < sizeof irqs / sizeof irqs[0] ? irqs[i] : 900;
        snprintf(names[i], sizeof names[i], "%u.%u", irq, i);
        if (irq_register(irq, handler, names[i]) != STATUS_OK) { return 1; }
    }
    if (irq_register(5, handler, nullptr) != STATUS_NO_MEMORY || irq_register(IRQ_NONE, handler, nullptr) != STATUS_NO_ENTRY) { return 1; }
    printf("take\n");
    irq_on_ipi(calls);
    irq_handle();
    printf("send\n");
    irq_send_ipi(affinities[2] & 0xff00ffffff, 2);
    return 0;
}
