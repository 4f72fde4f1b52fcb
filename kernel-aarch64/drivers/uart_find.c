#include "drivers/uart_find.h"

#define DEFAULT_BAUD 115200u

static const struct uart_driver *const drivers[] = {&pl011_driver, &aux_driver, &ns16550_driver};

static const struct uart_driver *driver_of(const struct fdt_node *node) {
    for (uint32_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        for (const char *const *name = drivers[i]->compatible; *name; name++) {
            if (fdt_compatible(node, *name)) { return drivers[i]; }
        }
    }
    return nullptr;
}

void uart_consider(struct uart_search *search, const struct fdt_node *node) {
    if (node->property[FDT_STDOUT_PATH].size > 0) { search->stdout_path = node->property[FDT_STDOUT_PATH]; }
    tcu_consider(&search->tcu, node);
    if (search->count == UARTS_MAX || node->property[FDT_COMPATIBLE].size == 0) { return; }
    const struct uart_driver *driver = driver_of(node);
    struct uart_candidate *found = &search->found[search->count];
    *found = (struct uart_candidate){};
    if (!driver || fdt_reg(node, 0, &found->uart.base, &found->size_bytes) != STATUS_OK) { return; }
    found->driver = driver;
    found->uart.clock_hz = fdt_cell(node->property[FDT_CLOCK_FREQUENCY], 0);
    const struct span shift = node->property[FDT_REG_SHIFT];
    const bool wide = driver == &aux_driver || fdt_compatible(node, "nvidia,tegra20-uart");
    found->uart.reg_shift = shift.size ? fdt_cell(shift, 0) & 3 : wide ? 2 : 0;
    found->offset = node->offset;
    found->interrupt_parent = node->interrupt_parent;
    found->interrupts = node->property[FDT_INTERRUPTS];
    search->count++;
}

/* The number after ':' in stdout-path, e.g. "serial0:115200n8". */
static uint32_t baud_of(struct span path) {
    uint32_t at = 0;
    while (at < path.size && path.data[at] != ':') { at++; }
    uint32_t baud = 0;
    for (at++; at < path.size && path.data[at] >= '0' && path.data[at] <= '9' && baud < 100000000; at++) {
        baud = baud * 10 + path.data[at] - '0';
    }
    return baud ? baud : DEFAULT_BAUD;
}

static struct uart_candidate *named(struct uart_search *search, const struct fdt *fdt, struct span path) {
    uint32_t offset;
    if (fdt_find(fdt, path, &offset) != STATUS_OK) { return nullptr; }
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->found[i].offset == offset) { return &search->found[i]; }
    }
    return nullptr;
}

struct uart_candidate *uart_chosen(struct uart_search *search, const struct fdt *fdt) {
    if (search->count < UARTS_MAX) { search->count += tcu_found(&search->tcu, &search->found[search->count]); }
    if (search->count == 0) { return nullptr; }
    struct uart_candidate *found = named(search, fdt, search->stdout_path);
    if (!found) { found = named(search, fdt, SPAN("serial0")); } /* on a Raspberry Pi, the one on the header */
    if (!found) { found = &search->found[0]; }
    found->uart.baud = baud_of(search->stdout_path);
    return found;
}
