/* Which UART is chosen of a device tree, and drivers against registers in memory. */
#include "drivers/uart_find.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_MAX_BYTES 0x100000u

static void consider(void *search, const struct fdt_node *node) {
    if (!node->disabled) { uart_consider(search, node); }
}

static const char *name_of(const struct uart_driver *driver) {
    if (driver == &pl011_driver) { return "pl011"; }
    if (driver == &aux_driver) { return "mini-uart"; }
    if (driver == &tcu_driver) { return "tcu"; }
    return driver == &ns16550_driver ? "16550" : "?";
}

static int choose(const char *path) {
    uint32_t *bytes = calloc(1, TREE_MAX_BYTES);
    FILE *file = fopen(path, "rb");
    if (!bytes || !file) { return 1; }
    const uint32_t size = (uint32_t)fread(bytes, 1, TREE_MAX_BYTES, file);
    fclose(file);
    struct fdt tree;
    struct uart_search search = {};
    if (fdt_open(bytes, size, &tree) != STATUS_OK || fdt_walk(&tree, consider, &search) != STATUS_OK) { return 1; }
    const struct uart_candidate *found = uart_chosen(&search, &tree);
    if (found) {
        printf("%s base %lx shift %u baud %u receive %lx mailbox %u interrupt %u\n", name_of(found->driver),
               (unsigned long)found->uart.base, found->uart.reg_shift, found->uart.baud,
               (unsigned long)found->uart.receive.block, found->uart.receive.mailbox, fdt_cell(found->interrupts, 1));
    } else {
        printf("none\n");
    }
    free(bytes);
    return 0;
}

static uint32_t sending[0x50000 / 4], receiving[0x50000 / 4];

#define MAILBOX(block, number) (&(block)[(0x10000 + (number) * 0x8000) / 4])

static void report(const char *name, bool good) { printf("%s %s\n", good ? "ok" : "FAILED", name); }

static void check_tcu(void) {
    const struct uart uart = {.base = (uintptr_t)MAILBOX(sending, 1),
                              .receive = {.block = (uintptr_t)receiving, .size_bytes = sizeof receiving, .mailbox = 2}};
    const bool free_before = tcu_driver.can_send(&uart);
    tcu_driver.send(&uart, 'a');
    const bool sent = free_before && *MAILBOX(sending, 1) == 0x81000061 && !tcu_driver.can_send(&uart);
    report("a_byte_fills_the_mailbox_until_it_is_taken", sent);

    uint8_t got[4] = {};
    uint32_t count = 0;
    bool lost = true;
    const bool empty = !tcu_driver.receive(&uart, got, &lost);
    *MAILBOX(receiving, 2) = 0x83434241;
    while (count < 3 && tcu_driver.receive(&uart, &got[count], &lost)) { count++; }
    const bool released = *MAILBOX(receiving, 2) == 0 && !tcu_driver.receive(&uart, &got[3], &lost);
    report("a_message_gives_its_characters_in_order", empty && released && memcmp(got, "ABC", 4) == 0 && !lost);

    *MAILBOX(receiving, 2) = 0x80000041;
    const bool nothing = !tcu_driver.receive(&uart, got, &lost) && *MAILBOX(receiving, 2) == 0;
    report("a_message_without_characters_is_released", nothing);

    receiving[0x100 / 4] = 1;
    tcu_driver.receive_interrupt(&uart, true);
    const bool on = receiving[0x100 / 4] == (1u << 10 | 1u) && MAILBOX(receiving, 2)[1] == 1;
    tcu_driver.receive_interrupt(&uart, false);
    report("the_interrupt_is_that_of_its_mailbox_alone", on && receiving[0x100 / 4] == 1 && MAILBOX(receiving, 2)[1] == 0);
}

/* PL011: interrupts that reading ends (DDI 0183G §2.8). */
#define IMSC 0x38u
#define READING_ENDS (1u << 4 | 1u << 6)

static void check_pl011_start(void) {
    static uint32_t registers[0x1000 / 4];
    struct uart uart = {.base = (uintptr_t)registers, .clock_hz = 48'000'000, .baud = 115200};
    registers[IMSC / 4] = 0x7ff;
    registers[0x18 / 4] = 1u << 3; /* busy for ever, and never empty */
    pl011_driver.init(&uart);
    /* 48 MHz / (16 * 115200) = 26 + 2.67/64; 8 bits, FIFO; on, both ways; §3.3.6 to §3.3.8, §3.3.13. */
    bool good = registers[0x24 / 4] == 26 && registers[0x28 / 4] == 3 && registers[0x2c / 4] == 0x70 && registers[0x30 / 4] == 0x301;
    good = good && registers[0x44 / 4] == 0x7ff && registers[IMSC / 4] == 0;
    for (uint32_t i = 0; i < 2; i++) {
        uart.clock_hz = i == 0 ? 0 : 48'000'000;
        uart.baud = i == 0 ? 115200 : 0;
        registers[0x24 / 4] = registers[0x28 / 4] = 7;
        pl011_driver.init(&uart);
        good = good && registers[0x24 / 4] == 7 && registers[0x28 / 4] == 7;
    }
    report("a_pl011_starts_at_its_rate_or_at_that_of_the_loader", good);
}

static void check_pl011_bytes(void) {
    static uint32_t registers[0x1000 / 4];
    const struct uart uart = {.base = (uintptr_t)registers};
    uint8_t byte = 0;
    bool lost = false;
    registers[0] = 1u << 11 | 'x'; /* after an overrun (§3.3.1) */
    bool good = pl011_driver.receive(&uart, &byte, &lost) && byte == 'x' && lost;
    registers[0] = 7u << 8 | 'y';
    good = good && pl011_driver.receive(&uart, &byte, &lost) && byte == 'y' && !lost;
    registers[0x18 / 4] = 1u << 4;
    good = good && !pl011_driver.receive(&uart, &byte, &lost) && pl011_driver.can_send(&uart);
    registers[0x18 / 4] = 1u << 5;
    good = good && !pl011_driver.can_send(&uart);
    pl011_driver.send(&uart, 'z');
    report("a_pl011_tells_of_what_it_lost_and_when_it_is_full", good && registers[0] == 'z');
}

static void check_pl011(void) {
    static uint32_t registers[0x1000 / 4];
    registers[0x18 / 4] = 1u << 4; /* nothing received */
    const struct uart uart = {.base = (uintptr_t)registers};
    pl011_driver.init(&uart);
    pl011_driver.receive_interrupt(&uart, true);
    const uint32_t on = registers[IMSC / 4];
    pl011_driver.receive_interrupt(&uart, false);
    report("a_pl011_interrupts_by_nothing_that_lasts_when_all_was_read", on == READING_ENDS && registers[IMSC / 4] == 0);
}

/* FIFO control: bit 1 clears what was received, bit 2 what waits to be sent (PC16550D §8.5; BCM2835 ARM Peripherals §2.2.2). */
#define FIFO_CONTROL 2u
#define CLEARS 6u

static uint32_t cleared_by(const struct uart_driver *driver) {
    static uint32_t block[0x100 / 4]; /* the mini-UART's begins 0x40 above what enables it */
    const struct uart uart = {.base = (uintptr_t)&block[0x40 / 4], .reg_shift = 2};
    driver->init(&uart);
    return block[0x40 / 4 + FIFO_CONTROL] & CLEARS;
}

static void check_16550(void) {
    const bool kept = cleared_by(&ns16550_driver) == 2 && cleared_by(&aux_driver) == 2;
    report("what_waits_to_be_sent_outlives_the_next_start_of_a_16550", kept);
}

/* A byte or a word a register; PC16550D, §8: 8 bits, both FIFOs, DTR and RTS. */
static void check_16550_registers(void) {
    static uint32_t words[8];
    static uint8_t bytes[8];
    bool good = true;
    for (uint32_t shift = 0; shift <= 2; shift += 2) {
        const struct uart uart = {.base = shift ? (uintptr_t)words : (uintptr_t)bytes, .reg_shift = shift};
        bytes[1] = 0xff, words[1] = 0xff;
        ns16550_driver.init(&uart);
        good = good && (shift ? words[1] == 0 && words[2] == 3 && words[3] == 3 && words[4] == 3
                              : bytes[1] == 0 && bytes[2] == 3 && bytes[3] == 3 && bytes[4] == 3);
        ns16550_driver.receive_interrupt(&uart, true);
        good = good && (shift ? words[1] == 0x11 : bytes[1] == 1); /* Tegra: its FIFO's time-out, too */
        ns16550_driver.receive_interrupt(&uart, false);
        good = good && (shift ? words[1] : bytes[1]) == 0;
    }
    good = good && !ns16550_driver.can_send(&(const struct uart){.base = (uintptr_t)bytes});
    report("registers_of_a_16550_are_bytes_or_words", good && words[5] == 0 && bytes[5] == 0);
}

static void check_16550_bytes(void) {
    static uint32_t words[8];
    const struct uart uart = {.base = (uintptr_t)words, .reg_shift = 2};
    uint8_t byte = 0;
    bool lost = false;
    words[0] = 'x', words[5] = 3; /* line status: data, and an overrun before them */
    bool good = ns16550_driver.receive(&uart, &byte, &lost) && byte == 'x' && lost && !ns16550_driver.can_send(&uart);
    words[5] = 1u << 5 | 1;
    good = good && ns16550_driver.receive(&uart, &byte, &lost) && !lost && ns16550_driver.can_send(&uart);
    words[5] = 1u << 5 | 1u << 6 | 2;
    good = good && !ns16550_driver.receive(&uart, &byte, &lost);
    ns16550_driver.send(&uart, 'z');
    report("a_16550_tells_of_what_it_lost_and_when_it_is_full", good && words[0] == 'z');
}

/* BCM2835 ARM Peripherals, §2.1: AUX_ENABLES, of three peripherals; §2.2.2: AUX_MU_IER_REG, which wants bits 2 and 3, and
 * AUX_MU_CNTL_REG, of both ways. */
static void check_mini_uart(void) {
    static uint32_t block[0x100 / 4];
    const struct uart uart = {.base = (uintptr_t)&block[0x40 / 4], .reg_shift = 2};
    block[1] = 6;
    aux_driver.init(&uart);
    bool good = block[1] == 7 && block[0x44 / 4] == 0 && block[0x4c / 4] == 3 && block[0x60 / 4] == 3;
    aux_driver.receive_interrupt(&uart, true);
    good = good && block[0x44 / 4] == 0xd;
    aux_driver.receive_interrupt(&uart, false);
    report("a_mini_uart_is_switched_on_beside_others", good && block[0x44 / 4] == 0);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "choose") == 0) { return choose(argv[2]); }
    check_tcu();
    check_pl011();
    check_pl011_start();
    check_pl011_bytes();
    check_16550();
    check_16550_registers();
    check_16550_bytes();
    check_mini_uart();
    return 0;
}
