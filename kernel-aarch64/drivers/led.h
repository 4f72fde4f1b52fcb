#pragma once
/* The board's activity LED, where the device tree has one (`gpio-leds`, Linux binding leds/leds-gpio) on a pin that the SoC
 * drives itself. It tells what a console would, to whoever has none connected: it lights when the kernel is ready, and
 * blinks the number of the start-up level that failed. */

#include "lib/fdt.h"

/* For each node of the tree, parents first. */
void led_probe(const struct fdt_node *node);

/* Nothing happens where there is no LED. After the tree was walked. */
void led_set(bool lit);

/* Blinks `count` times, with a pause after it, for ever. Waits by the generic timer, without interrupts. */
[[noreturn]] void led_blink(uint32_t count);
