#include "drivers/uart_wait.h"
#include "lib/deadline.h"
#include "lib/pmu.h"

/* A FIFO of 64 bytes at 9600 baud drains in 67 ms; a transmitter that takes nothing for longer is dead. */
#define SEND_WAIT_US 100'000u

bool uart_wait(const struct uart_driver *driver, const struct uart *uart, uint64_t *wait_cycles) {
    const uint64_t from = cycles();
    const uint64_t deadline = deadline_in_us(SEND_WAIT_US);
    bool ready = false;
    while (!ready && !is_past(deadline)) { ready = driver->can_send(uart); }
    *wait_cycles += cycles() - from;
    return ready;
}
