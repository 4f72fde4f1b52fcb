#pragma once
/* The GPIO lines that the device tree gives to whoever runs here: outputs are the children of `gpio-leds` (Linux binding
 * leds/leds-gpio), inputs those of `gpio-keys` (input/gpio-keys). Each direction is numbered from 0 in the order of the tree,
 * leaving out lines of controllers that are not driven here. No other pin is touched.
 *
 * Levels are what the tree calls active: a line that is active low is inverted here. */

#include "lib/fdt.h"

#define GPIO_LINES 32u /* of each direction; what follows in the tree is left alone */

/* For each node of the tree, parents first. */
void gpio_probe(const struct fdt_node *node);

/* After the tree was walked: finds the controller of each line, and switches outputs off. */
void gpio_init(void);

/* Bit i: input i is active. */
uint64_t gpio_read(void);

/* Bit i: output i becomes active. Those that were so already are not written again. Core 0. */
void gpio_write(uint64_t levels);

/* What the tree calls output or input i; null beyond the last one. */
const char *gpio_name(bool output, uint32_t i);

/* The bit of the board's activity LED among the outputs, 0 without one. It tells what a console would, to whoever has none
 * connected: it lights once the kernel ticks, and blinks the number of the start-up level that failed. */
uint64_t gpio_led(void);

/* Blinks `count` times, with a pause after it, for ever. Waits by the generic timer, without interrupts. */
[[noreturn]] void gpio_blink(uint32_t count);
