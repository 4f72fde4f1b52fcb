/* Arm PrimeCell UART (DDI 0183G, §3.3). */
#include "drivers/uart.h"
#include "lib/mmio.h"

#define DR 0x00u
#define FR 0x18u
#define IBRD 0x24u
#define FBRD 0x28u
#define LCR_H 0x2cu
#define CR 0x30u
#define IMSC 0x38u
#define ICR 0x44u

#define DR_OVERRUN (1u << 11)
#define FR_BUSY (1u << 3)
#define FR_RX_EMPTY (1u << 4)
#define FR_TX_FULL (1u << 5)
#define LCR_8_BITS_FIFO (3u << 5 | 1u << 4)
#define CR_ENABLE (1u << 0 | 1u << 8 | 1u << 9) /* UART, TXE, RXE */
/* Level and timeout, which end when what came is read. Overrun would last until it is cleared (§2.8); the data tell of it. */
#define INT_RECEIVE (1u << 4 | 1u << 6)
#define BUSY_POLLS 100000u /* register reads: far longer than the 16 characters of a FIFO take */

/* What came before has to go: the level interrupt was just cleared, and it rises again only from an empty FIFO. */
static void empty(const struct uart *uart) {
    for (uint32_t i = 0; i < BUSY_POLLS && !(mmio_read(uart->base + FR) & FR_RX_EMPTY); i++) {
        (void)mmio_read(uart->base + DR);
    }
}

static void init(const struct uart *uart) {
    mmio_write(uart->base + IMSC, 0);
    for (uint32_t i = 0; i < BUSY_POLLS && (mmio_read(uart->base + FR) & FR_BUSY); i++) {}
    mmio_write(uart->base + CR, 0);
    if (uart->clock_hz && uart->baud) {
        const uint32_t divisor_64 = (uart->clock_hz * 4 + uart->baud / 2) / uart->baud; /* 64 * clock / (16 * baud) */
        mmio_write(uart->base + IBRD, divisor_64 >> 6);
        mmio_write(uart->base + FBRD, divisor_64 & 63);
    }
    mmio_write(uart->base + LCR_H, LCR_8_BITS_FIFO); /* also latches the divisors */
    mmio_write(uart->base + ICR, 0x7ff);
    mmio_write(uart->base + CR, CR_ENABLE);
    empty(uart);
}

static bool can_send(const struct uart *uart) { return !(mmio_read(uart->base + FR) & FR_TX_FULL); }

static void send(const struct uart *uart, uint8_t byte) { mmio_write(uart->base + DR, byte); }

static bool receive(const struct uart *uart, uint8_t *byte, bool *lost) {
    if (mmio_read(uart->base + FR) & FR_RX_EMPTY) { return false; }
    const uint32_t data = mmio_read(uart->base + DR);
    *byte = (uint8_t)data;
    *lost = data & DR_OVERRUN;
    return true;
}

static void receive_interrupt(const struct uart *uart, bool on) {
    mmio_write(uart->base + IMSC, on ? INT_RECEIVE : 0);
}

static const char *const names[] = {"arm,pl011", nullptr};

const struct uart_driver pl011_driver = {
    .compatible = names,
    .init = init,
    .can_send = can_send,
    .send = send,
    .receive = receive,
    .receive_interrupt = receive_interrupt,
};
