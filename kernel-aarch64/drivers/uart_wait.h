#pragma once
/* Waiting for a transmitter, alike for the console and for what comes before it. */

#include "drivers/uart.h"

/* True when the transmitter takes a byte; waits for it as long as one that works may need. The cycles that this took are added
 * to *wait_cycles. Any context, one caller at a time. */
[[nodiscard]] bool uart_wait(const struct uart_driver *driver, const struct uart *uart, uint64_t *wait_cycles);
