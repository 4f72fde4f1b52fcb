#pragma once
/* Waiting for a transmitter, alike for the console and for what comes before it. */

#include "drivers/uart.h"

/* For a transmitter that does not take a byte at once: true when it does, waiting for it as long as one that works may need.
 * The cycles that this took are added to *wait_cycles. Any context, one caller at a time. */
[[nodiscard]] bool uart_wait(const struct uart_driver *driver, const struct uart *uart, uint64_t *wait_cycles);
