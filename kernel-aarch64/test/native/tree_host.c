/* What the kernel makes of a device tree: its console, and by which interrupts that and the timer come. */
#include "drivers/timer.h"
#include "drivers/uart_find.h"
#include "irq/irq.h"
#include <stdio.h>
#include <stdlib.h>

#define TREE_MAX_BYTES 0x200000u /* mm/map.c */

static enum status map(uint64_t, uint64_t) { return STATUS_OK; }

static void probe(void *search, const struct fdt_node *node) {
    if (node->disabled) { return; }
    irq_probe(node, map);
    timer_probe(node);
    uart_consider(search, node);
}

static const char *name_of(const struct uart_driver *driver) {
    if (driver == &pl011_driver) { return "pl011"; }
    if (driver == &aux_driver) { return "mini-uart"; }
    return driver == &tcu_driver ? "tcu" : "16550";
}

int main(int argc, char **argv) {
    static uint64_t bytes[TREE_MAX_BYTES / sizeof(uint64_t)];
    static struct uart_search search;
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : nullptr;
    if (!file) { return 1; }
    const uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct fdt tree;
    if (fdt_open(bytes, size, &tree) != STATUS_OK || fdt_walk(&tree, probe, &search) != STATUS_OK) { return 1; }
    const struct uart_candidate *found = uart_chosen(&search, &tree);
    if (!found || irq_ready() != STATUS_OK) { return 1; }
    printf("%s %lx interrupt %d, timer %d\n", name_of(found->driver), (unsigned long)found->uart.base,
           (int)irq_number(found->interrupt_parent, found->interrupts, 0), (int)timer_irq());
    return 0;
}
