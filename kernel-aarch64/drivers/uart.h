#pragma once
/* One interface for every UART. A driver is a register block and the `compatible` strings it answers to. */

#include "gen/abi_status.h"
#include <stdint.h>

struct uart {
    uint64_t base;
    uint32_t clock_hz;  /* 0: not known, leave the baud rate as the loader set it */
    uint32_t baud;      /* 0: the same */
    uint32_t reg_shift; /* distance of registers, log2 bytes */
    /* The combined UART receives by a mailbox in a block of its own (drivers/tcu.h). size_bytes is 0 for every other. */
    struct {
        uint64_t block;
        uint64_t size_bytes;
        uint32_t mailbox;
    } receive;
};

struct uart_driver {
    const char *const *compatible; /* ends with null; the driver has none when it is found by other means */
    void (*init)(const struct uart *uart);
    bool (*can_send)(const struct uart *uart);
    void (*send)(const struct uart *uart, uint8_t byte);
    /* False when nothing was received. *lost is set when the hardware dropped bytes before this one. */
    bool (*receive)(const struct uart *uart, uint8_t *byte, bool *lost);
    void (*receive_interrupt)(const struct uart *uart, bool on);
};
extern const struct uart_driver pl011_driver, aux_driver, ns16550_driver, tcu_driver;
