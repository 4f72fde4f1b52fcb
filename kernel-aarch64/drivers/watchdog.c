/* Not in the peripherals manual; registers and values as in Linux's binding brcm,bcm2835-pm and its public uses. */
#include "drivers/watchdog.h"
#include "lib/mmio.h"
#include "mm/map.h"

#define PM_RSTC 0x1cu
#define PM_WDOG 0x24u
#define PM_PASSWORD 0x5a000000u
#define RSTC_CONFIG 0x30u
#define RSTC_FULL_RESET 0x20u
#define RSTC_NONE 0x102u      /* as after power-up: the count ends in nothing */
#define WDOG_RESET 10u        /* of 1/65536 s */
#define WDOG_LONGEST 0xfffffu /* 20 bits: 16 s */

static uint64_t base;
static bool resets_at_once; /* QEMU's, as soon as it is started */
static bool resetting;

void watchdog_probe(const struct fdt_node *node) {
    uint64_t addr;
    uint64_t size;
    const bool is_qemu = fdt_compatible(node, "qemu,bcm2835-pm-wdt");
    const bool is_power = fdt_compatible(node, "brcm,bcm2835-pm") || fdt_compatible(node, "brcm,bcm2712-pm");
    if (!is_qemu && !is_power && !fdt_compatible(node, "brcm,bcm2835-pm-wdt")) { return; }
    if (fdt_reg(node, 0, &addr, &size) != STATUS_OK || map_device(addr, size) != STATUS_OK) { return; }
    base = addr;
    resets_at_once = is_qemu;
}

static void start(uint32_t count) {
    mmio_write(base + PM_WDOG, PM_PASSWORD | count);
    mmio_write(base + PM_RSTC, PM_PASSWORD | (mmio_read(base + PM_RSTC) & ~RSTC_CONFIG & 0xffffff) | RSTC_FULL_RESET);
}

void watchdog_feed(void) {
    if (base != 0 && !resets_at_once && !__atomic_load_n(&resetting, __ATOMIC_RELAXED)) { start(WDOG_LONGEST); }
}

void watchdog_stop(void) {
    if (base != 0 && !__atomic_load_n(&resetting, __ATOMIC_RELAXED)) { mmio_write(base + PM_RSTC, PM_PASSWORD | RSTC_NONE); }
}

void watchdog_reset(void) {
    __atomic_store_n(&resetting, true, __ATOMIC_RELAXED);
    if (base != 0) { start(WDOG_RESET); }
}
