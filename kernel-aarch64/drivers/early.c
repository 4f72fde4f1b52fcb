/* Runs with the MMU off, when all memory is of device type: aligned accesses only, no statics but those in .noinit. */
#include "drivers/early.h"
#include "drivers/uart_find.h"
#include "drivers/uart_wait.h"
#include "lib/mmio.h"
#include "lib/print.h"
#include "lib/sysreg.h"
#include "lib/version.h"
#include "mm/layout.h"
#include "mm/map.h"

#define LINE_BYTES 160u

static struct {
    const struct uart_driver *driver; /* null: nobody can be told */
    struct uart uart;
    uint64_t wait_cycles;
} port __attribute__((section(".noinit")));

static void consider(void *search, const struct fdt_node *node) {
    if (!node->disabled) { uart_consider(search, node); }
}

/* Where the PL011 lies on the Raspberry Pi that has this core: BCM2837, BCM2711, BCM2712 (MIDR_EL1.PartNum, Arm ARM
 * D19.2.100). A board that is none faults here, with nothing lost: without a tree it can't start. */
static uint64_t guess(void) {
    switch (READ_SYSREG(midr_el1) >> 4 & 0xfff) {
    case 0xd03: return 0x3f201000;   /* Cortex-A53 */
    case 0xd08: return 0xfe201000;   /* Cortex-A72 */
    case 0xd0b: return 0x107d001000; /* Cortex-A76 */
    default: return 0;
    }
}

/* From there, of the BCM2837 and BCM2711: the function of the header's pin (BCM2835 ARM Peripherals, §6.2), which is the mini-UART's
 * where Bluetooth has the PL011. */
#define GPFSEL1_BELOW 0xffcu
#define GPIO14_SHIFT 12u
#define ALT5 2u
#define AUX_ABOVE 0x14040u

static void take(const struct uart_driver *driver, const struct uart *uart, uint64_t size_bytes) {
    if (map_device(uart->base, size_bytes) != STATUS_OK) { return; }
    driver->init(uart);
    port.uart = *uart;
    port.driver = driver;
}

static void take_guessed(void) {
    const struct uart_driver *driver = &pl011_driver;
    struct uart uart = {.base = guess()};
    if (uart.base == 0) { return; }
    if (uart.base <= UINT32_MAX && (mmio_read(uart.base - GPFSEL1_BELOW) >> GPIO14_SHIFT & 7) == ALT5) {
        driver = &aux_driver;
        uart.base += AUX_ABOVE;
        uart.reg_shift = 2;
    }
    take(driver, &uart, 0x1000);
}

static void take_from_tree(const struct early_entry *entry) {
    struct uart_search search = {};
    struct fdt tree;
    if (fdt_open((const void *)(uintptr_t)entry->x0, (uint32_t)entry->tree_bytes, &tree) != STATUS_OK) { return; }
    if (fdt_walk(&tree, consider, &search) != STATUS_OK) { return; }
    const struct uart_candidate *found = uart_chosen(&search, &tree);
    if (found) { take(found->driver, &found->uart, found->size_bytes); }
}

void early_put(uint8_t byte) {
    if (!port.driver) { return; }
    if (port.driver->can_send(&port.uart) || uart_wait(port.driver, &port.uart, &port.wait_cycles)) {
        port.driver->send(&port.uart, byte);
    } else {
        port.driver = nullptr;
    }
}

uint64_t early_wait_cycles(void) { return port.wait_cycles; }

__attribute__((format(printf, 1, 2))) static void early_print(const char *fmt, ...) {
    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    const uint32_t size = format_list(line, sizeof line, fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < size; i++) {
        if (line[i] == '\n') { early_put('\r'); }
        early_put((uint8_t)line[i]);
    }
}

void early_start(const struct early_entry *entry) {
    port.driver = nullptr;
    port.wait_cycles = 0;
    if (entry->tree_bytes) {
        take_from_tree(entry);
        early_print("velocity %s starts at EL%lu: image at 0x%lx, device tree at 0x%lx\n", VELOCITY_VERSION, entry->el,
                    (uint64_t)(uintptr_t)__image_start, entry->x0);
        return;
    }
    take_guessed();
    early_print("velocity %s: no device tree: the loader left 0x%lx in x0; give it the board's .dtb\n", VELOCITY_VERSION,
                entry->x0);
}
