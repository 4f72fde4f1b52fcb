#pragma once
/* For boot only. */

#include "gen/abi_status.h"
#include "lib/fdt.h"

/* Remembers UARTs of the tree and what /chosen says. */
void console_probe(const struct fdt_node *node);

/* Takes the UART that uart_chosen() says. STATUS_NO_ENTRY when there is none. */
[[nodiscard]] enum status console_init(const struct fdt *fdt);
