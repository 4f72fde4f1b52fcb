/* Not in the peripherals manual; registers and values as in Linux's binding brcm,bcm2835-pm and its public uses. */
#include "drivers/watchdog.h"
#include "lib/mmio.h"
#include "mm/map.h"

#define PM_RSTC 0x1cu
#define PM_WDOG 0x24u
#define PM_PASSWORD 0x5a000000u
#define RSTC_CONFIG 0x30u
#define RSTC_FULL_RESET 0x20u
#define WDOG_TICKS 10u /* of 1/65536 s */

static uint64_t base;

void watchdog_probe(const struct fdt_node *node) {
    uint64_t addr;
    uint64_t size;
    if (!fdt_compatible(node, "brcm,bcm2835-pm-wdt") && !fdt_compatible(node, "brcm,bcm2835-pm")) { return; }
    if (fdt_reg(node, 0, &addr, &size) == STATUS_OK && map_device(addr, size) == STATUS_OK) { base = addr; }
}

void watchdog_reset(void) {
    if (!base) { return; }
    mmio_write(base + PM_WDOG, PM_PASSWORD | WDOG_TICKS);
    mmio_write(base + PM_RSTC, PM_PASSWORD | (mmio_read(base + PM_RSTC) & ~RSTC_CONFIG & 0xffffff) | RSTC_FULL_RESET);
}
