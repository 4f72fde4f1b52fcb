/* 16550 UARTs (TI PC16550D, §8), with registers of 1 or 4 bytes, and the BCM2835 mini-UART, which looks like one
 * (BCM2835 ARM Peripherals, §2.2). */
#include "drivers/uart.h"
#include "lib/mmio.h"

enum reg : uint32_t { DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, AUX_CNTL = 8 };

#define AUX_ENABLES_BELOW 0x3cu /* the block's enable register lies this far below the mini-UART's first */
#define AUX_IER_FIXED (3u << 2) /* errata of §2.2.2: without these bits there is no interrupt */
#define IER_RECEIVE 1u
/* Tegra: what waits in the FIFO below its level has an interrupt of its own (Tegra X1 TRM, UART_IER_DLAB_0_0). */
#define IER_RECEIVE_TIMEOUT (1u << 4)
/* Not what waits to be sent: that of whoever had the port before. */
#define FCR_ENABLE 1u
#define FCR_CLEAR_RECEIVED 2u
#define LCR_8_BITS 3u
#define LSR_DATA (1u << 0)
#define LSR_OVERRUN (1u << 1)
#define LSR_CAN_SEND (1u << 5)

static uint32_t read(const struct uart *uart, enum reg reg) {
    const uint64_t addr = uart->base + ((uint64_t)reg << uart->reg_shift);
    return uart->reg_shift == 2 ? mmio_read(addr) : mmio_read8(addr);
}

[[gnu::noinline]] static void write(const struct uart *uart, enum reg reg, uint32_t value) {
    const uint64_t addr = uart->base + ((uint64_t)reg << uart->reg_shift);
    if (uart->reg_shift == 2) {
        mmio_write(addr, value);
    } else {
        mmio_write8(addr, (uint8_t)value);
    }
}

/* The baud rate stays as the loader set it: its clock differs from board to board. */
static void init(const struct uart *uart) {
    write(uart, IER, 0);
    write(uart, LCR, LCR_8_BITS);
    write(uart, FCR, FCR_ENABLE | FCR_CLEAR_RECEIVED);
    write(uart, MCR, 3); /* DTR, RTS */
}

static void aux_init(const struct uart *uart) {
    const uint64_t enables = uart->base - AUX_ENABLES_BELOW;
    mmio_write(enables, mmio_read(enables) | 1);
    write(uart, IER, 0);
    write(uart, LCR, LCR_8_BITS);
    write(uart, FCR, FCR_CLEAR_RECEIVED);
    write(uart, AUX_CNTL, 3); /* receiver and transmitter on */
}

static bool can_send(const struct uart *uart) { return read(uart, LSR) & LSR_CAN_SEND; }

static void send(const struct uart *uart, uint8_t byte) { write(uart, DATA, byte); }

static bool receive(const struct uart *uart, uint8_t *byte, bool *lost) {
    const uint32_t status = read(uart, LSR);
    if (!(status & LSR_DATA)) { return false; }
    *lost = status & LSR_OVERRUN;
    *byte = (uint8_t)read(uart, DATA);
    return true;
}

/* Registers of a byte may be those of a 16750, which this bit puts to sleep. */
static void receive_interrupt(const struct uart *uart, bool on) {
    write(uart, IER, on ? IER_RECEIVE | (uart->reg_shift == 2 ? IER_RECEIVE_TIMEOUT : 0) : 0);
}

static void aux_receive_interrupt(const struct uart *uart, bool on) {
    write(uart, IER, on ? IER_RECEIVE | AUX_IER_FIXED : 0);
}

static const char *const names[] = {"ns16550a", "ns16550", "nvidia,tegra20-uart", "snps,dw-apb-uart", nullptr};
static const char *const aux_names[] = {"brcm,bcm2835-aux-uart", nullptr};

const struct uart_driver ns16550_driver = {
    .compatible = names,
    .init = init,
    .can_send = can_send,
    .send = send,
    .receive = receive,
    .receive_interrupt = receive_interrupt,
};

const struct uart_driver aux_driver = {
    .compatible = aux_names,
    .init = aux_init,
    .can_send = can_send,
    .send = send,
    .receive = receive,
    .receive_interrupt = aux_receive_interrupt,
};
