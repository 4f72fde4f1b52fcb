#pragma once
/* The console UART that the device tree names. Received bytes arrive by interrupt, where the tree's is known, and wait in a ring of 16 KiB.
 * Sending goes straight to the hardware FIFO; waiting for it is capped, so that a dead UART loses text, not time. */

#include <stdint.h>

/* Takes the oldest received byte. Core 0. */
[[nodiscard]] bool console_get(uint8_t *byte);

/* Received bytes come by console_get() alone, no interrupt tells of them. */
[[nodiscard]] bool console_is_polled(void);

/* Bytes that were lost because the ring was full or the hardware overran. */
[[nodiscard]] uint64_t console_lost(void);

/* Raw bytes, sent as they stand. Any core, any context; one sender at a time. */
void console_put(const void *data, uint32_t size);

/* Formatted text (lib/print.h), at most 255 characters; "\n" becomes "\r\n". Before the console is up it goes to the UART
 * of drivers/early.h. */
__attribute__((format(printf, 1, 2))) void console_print(const char *fmt, ...);

/* Cycles spent waiting for the transmitter, so far. */
[[nodiscard]] uint64_t console_wait_cycles(void);
