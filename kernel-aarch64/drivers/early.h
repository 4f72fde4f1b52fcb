#pragma once
/* Text before the console driver runs, from the first instructions on: whoever boots a board for the first time sees how
 * far it came. Interrupts, .bss and the MMU are not needed. */

#include <stdint.h>

struct early_entry {
    uint64_t x0;         /* as the loader left it */
    uint64_t tree_bytes; /* 0: x0 holds no believable device tree */
    uint64_t el;         /* exception level at entry */
};

/* Looks for a UART in the tree, or, where there is no tree, at the places that this CPU's Raspberry Pi has
 * them, of which it takes the one that has the header, maps it and says what was found. After map_early(), with the MMU off. */
void early_start(const struct early_entry *entry);

/* Sends one byte, waiting at most 100 ms; drops it when there is no UART. */
void early_put(uint8_t byte);

/* Cycles spent waiting for the transmitter, so far. */
[[nodiscard]] uint64_t early_wait_cycles(void);
