#pragma once
/* Which UART the device tree names as its console. Pure but for the table of drivers. */

#include "drivers/tcu.h"
#include "drivers/uart.h"
#include "lib/fdt.h"

#define UARTS_MAX 8u

struct uart_candidate {
    const struct uart_driver *driver;
    struct uart uart;
    uint64_t size_bytes; /* of its registers */
    uint32_t offset;     /* of its node */
    uint32_t interrupt_parent;
    struct span interrupts;
};

struct uart_search {
    struct uart_candidate found[UARTS_MAX];
    uint32_t count;
    struct tcu_search tcu;
    struct span stdout_path;
};

/* For each node of the tree, parents first. */
void uart_consider(struct uart_search *search, const struct fdt_node *node);

/* The UART that /chosen/stdout-path names, or else the alias serial0, or else the first, with the baud rate of the path. Null when there is none. */
[[nodiscard]] struct uart_candidate *uart_chosen(struct uart_search *search, const struct fdt *fdt);
