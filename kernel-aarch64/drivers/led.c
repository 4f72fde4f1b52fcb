/* GPIO of the BCM2835 and its successors up to the BCM2711 (BCM2835 ARM Peripherals, §6.1; BCM2711 ARM Peripherals, §5.2). */
#include "drivers/led.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"
#include "mm/map.h"

#define GPFSEL 0x00u /* ten pins a register, three bits a pin */
#define GPSET 0x1cu  /* 32 pins a register */
#define GPCLR 0x28u
#define FUNCTION_OUTPUT 1u
#define PINS 58u
#define ACTIVE_LOW 1u /* third cell of `gpios` */
#define BLINK_MS 250u
#define PAUSE_MS 1500u

static uint64_t base;       /* of the pins; 0: no LED that can be driven */
static struct span leds[2]; /* `gpios` of LEDs: the controller may come before or after them in the tree */
static uint32_t led_count;
static uint32_t controller_phandle;
static uint32_t pin;
static bool active_low;

static bool is_led(const struct fdt_node *node) {
    return node->parent && fdt_compatible(node->parent, "gpio-leds") && node->property[FDT_GPIOS].size == 12;
}

static void prepare(uint32_t number) {
    const uint64_t function = base + GPFSEL + 4 * (uint64_t)(number / 10);
    const uint32_t shift = 3 * (number % 10);
    mmio_write(function, (mmio_read(function) & ~(7u << shift)) | FUNCTION_OUTPUT << shift);
}

/* Takes the first LED that hangs on the controller. */
static void match(uint64_t controller) {
    for (uint32_t i = 0; i < led_count; i++) {
        const uint32_t number = fdt_cell(leds[i], 1);
        if (fdt_cell(leds[i], 0) != controller_phandle || number >= PINS) { continue; }
        base = controller;
        pin = number;
        active_low = fdt_cell(leds[i], 2) & ACTIVE_LOW;
        prepare(number);
        led_set(false);
        return;
    }
}

void led_probe(const struct fdt_node *node) {
    static uint64_t controller;
    uint64_t addr, size_bytes;
    if (base) { return; }
    if (is_led(node) && led_count < sizeof leds / sizeof leds[0]) { leds[led_count++] = node->property[FDT_GPIOS]; }
    const bool pins = fdt_compatible(node, "brcm,bcm2835-gpio") || fdt_compatible(node, "brcm,bcm2711-gpio");
    if (pins && fdt_reg(node, 0, &addr, &size_bytes) == STATUS_OK && map_device(addr, size_bytes) == STATUS_OK) {
        controller = addr;
        controller_phandle = fdt_cell(node->property[FDT_PHANDLE], 0);
    }
    if (controller && controller_phandle) { match(controller); }
}

void led_set(bool lit) {
    if (!base) { return; }
    mmio_write(base + (lit != active_low ? GPSET : GPCLR) + 4 * (uint64_t)(pin / 32), 1u << pin % 32);
}

static void wait_ms(uint32_t time_ms) {
    const uint64_t start = READ_SYSREG(cntvct_el0);
    const uint64_t counts = READ_SYSREG(cntfrq_el0) / 1000 * time_ms;
    while (READ_SYSREG(cntvct_el0) - start < counts) {}
}

void led_blink(uint32_t count) {
    while (!base) { wait_for_interrupt(); }
    for (;;) {
        for (uint32_t i = 0; i < count; i++) {
            led_set(true);
            wait_ms(BLINK_MS);
            led_set(false);
            wait_ms(BLINK_MS);
        }
        wait_ms(PAUSE_MS);
    }
}
