/* BCM2835 and its successors up to the BCM2711 (BCM2835 ARM Peripherals, §6.1; BCM2711 ARM Peripherals, §5.2), and the PL061
 * (ARM DDI 0190, §3.3). */
#include "drivers/gpio.h"
#include "lib/barrier.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"
#include "mm/map.h"

#define GPFSEL 0x00u /* ten pins a register, three bits a pin: 0 input, 1 output */
#define GPSET 0x1cu  /* 32 pins a register */
#define GPCLR 0x28u
#define GPLEV 0x34u
#define BCM_PINS 58u

#define GPIODATA 0x000u /* eight pins; bits 9:2 of the address are a mask of those that an access reaches */
#define GPIODIR 0x400u  /* a bit a pin: 0 input, 1 output */
#define PL061_PINS 8u

#define ACTIVE_LOW 1u /* third cell of `gpios` */
#define BLINK_MS 250u
#define PAUSE_MS 1500u

struct controller {
    uint64_t base;
    uint32_t phandle;
    bool is_pl061;
};

struct line {
    const char *name;
    struct span gpios; /* the controller may come before or after it in the tree */
    bool is_led;
    /* From gpio_init() on. */
    bool active_low;
    uint32_t mask; /* of the register at `level` */
    uint64_t level;
    struct {
        uint64_t addr;
        uint32_t value;
    } write[2]; /* what makes it low, and high */
};

struct direction {
    struct line line[GPIO_LINES];
    uint32_t count;
};

static struct controller controllers[4];
static uint32_t controller_count;
static struct direction inputs, outputs;
static uint64_t driven; /* what gpio_write() wrote last */

static void add_controller(const struct fdt_node *node, bool is_pl061) {
    uint64_t addr, size_bytes;
    const uint32_t phandle = fdt_cell(node->property[FDT_PHANDLE], 0);
    if (phandle == 0 || controller_count == sizeof controllers / sizeof controllers[0]) { return; } /* 0 in `gpios`: no line */
    if (fdt_reg(node, 0, &addr, &size_bytes) != STATUS_OK || map_device(addr, size_bytes) != STATUS_OK) { return; }
    controllers[controller_count++] = (struct controller){addr, phandle, is_pl061};
}

static void add_line(struct direction *direction, const struct fdt_node *node) {
    if (direction->count == GPIO_LINES) { return; }
    direction->line[direction->count++] = (struct line){
        .name = node->name,
        .gpios = node->property[FDT_GPIOS],
        .is_led = fdt_named(node, "led-act"),
    };
}

void gpio_probe(const struct fdt_node *node) {
    if (fdt_compatible(node, "brcm,bcm2835-gpio") || fdt_compatible(node, "brcm,bcm2711-gpio")) { add_controller(node, false); }
    if (fdt_compatible(node, "arm,pl061")) { add_controller(node, true); }
    if (!node->parent || node->property[FDT_GPIOS].size != 12) { return; }
    if (fdt_compatible(node->parent, "gpio-leds")) { add_line(&outputs, node); }
    if (fdt_compatible(node->parent, "gpio-keys")) { add_line(&inputs, node); }
}

static void drive(const struct line *line, bool active) {
    const bool high = active != line->active_low;
    mmio_write(line->write[high].addr, line->write[high].value);
}

static bool is_active(const struct line *line) { return ((mmio_read(line->level) & line->mask) != 0) != line->active_low; }

static void set_field(uint64_t addr, uint32_t mask, uint32_t value) { mmio_write(addr, (mmio_read(addr) & ~mask) | value); }

/* An output has its level before it becomes one. */
static void use_bcm(struct line *line, uint64_t base, uint32_t pin, bool output) {
    const uint64_t word = base + 4 * (pin / 32);
    const uint32_t shift = 3 * (pin % 10);
    line->mask = line->write[false].value = line->write[true].value = 1u << pin % 32;
    line->level = word + GPLEV;
    line->write[false].addr = word + GPCLR;
    line->write[true].addr = word + GPSET;
    if (output) { drive(line, false); }
    set_field(base + GPFSEL + 4 * (pin / 10), 7u << shift, (uint32_t)output << shift);
}

/* Takes no level of an input. */
static void use_pl061(struct line *line, uint64_t base, uint32_t pin, bool output) {
    line->level = line->write[false].addr = line->write[true].addr = base + GPIODATA + (4u << pin);
    line->mask = line->write[true].value = 0xff;
    set_field(base + GPIODIR, 1u << pin, (uint32_t)output << pin);
    if (output) { drive(line, false); }
}

/* False when the controller is not driven here. */
static bool use(struct line *line, bool output) {
    const uint32_t pin = fdt_cell(line->gpios, 1);
    line->active_low = fdt_cell(line->gpios, 2) & ACTIVE_LOW;
    for (uint32_t i = 0; i < controller_count; i++) {
        const struct controller *controller = &controllers[i];
        if (controller->phandle != fdt_cell(line->gpios, 0) || pin >= (controller->is_pl061 ? PL061_PINS : BCM_PINS)) { continue; }
        (controller->is_pl061 ? use_pl061 : use_bcm)(line, controller->base, pin, output);
        return true;
    }
    return false;
}

static void use_all(struct direction *direction, bool output) {
    const uint32_t count = direction->count;
    direction->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct line *line = &direction->line[direction->count];
        *line = direction->line[i];
        if (use(line, output)) { direction->count++; }
    }
}

void gpio_init(void) {
    use_all(&outputs, true);
    use_all(&inputs, false);
}

uint64_t gpio_read(void) {
    uint64_t levels = 0;
    for (uint32_t i = 0; i < inputs.count; i++) { levels |= (uint64_t)is_active(&inputs.line[i]) << i; }
    return levels;
}

void gpio_write(uint64_t levels) {
    const uint64_t changed = levels ^ driven;
    driven = levels;
    for (uint32_t i = 0; changed >> i != 0 && i < outputs.count; i++) {
        if (changed >> i & 1) { drive(&outputs.line[i], levels >> i & 1); }
    }
}

const char *gpio_name(bool output, uint32_t i) {
    const struct direction *direction = output ? &outputs : &inputs;
    return i < direction->count ? direction->line[i].name : nullptr;
}

uint64_t gpio_led(void) {
    for (uint32_t i = 0; i < outputs.count; i++) {
        if (outputs.line[i].is_led) { return 1ull << i; }
    }
    return 0;
}

static void wait_ms(uint32_t time_ms) {
    const uint64_t start = READ_SYSREG(cntvct_el0);
    const uint64_t counts = READ_SYSREG(cntfrq_el0) / 1000 * time_ms;
    while (READ_SYSREG(cntvct_el0) - start < counts) {}
}

void gpio_blink(uint32_t count) {
    while (gpio_led() == 0) { wait_for_interrupt(); }
    for (;;) {
        for (uint32_t i = 0; i < count; i++) {
            gpio_write(gpio_led());
            wait_ms(BLINK_MS);
            gpio_write(0);
            wait_ms(BLINK_MS);
        }
        wait_ms(PAUSE_MS);
    }
}
