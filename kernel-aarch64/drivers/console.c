#include "drivers/console.h"
#include "drivers/console_start.h"
#include "drivers/early.h"
#include "drivers/uart_find.h"
#include "drivers/uart_wait.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/irqflags.h"
#include "lib/print.h"
#include "mm/map.h"

#define RING_BYTES 16384u /* power of two */
#define LINE_BYTES 256u
/* The deepest FIFO. A line that is faster than this core (an emulated one) must not hold it in the interrupt: the level
 * stays up for what is left, and the tick gets its turn first. */
#define BYTES_AN_INTERRUPT 64u

static struct uart_search search;

static const struct uart_candidate *active;
static uint64_t wait_cycles;
static bool dead; /* the transmitter ran into the cap and has not taken a byte since */

/* Filled by the interrupt, emptied by core 0 outside of it; the interrupt comes to core 0 too. */
static uint8_t ring[RING_BYTES];
static uint32_t ring_written; /* counts bytes, wraps at 2^32 */
static uint32_t ring_read;
static bool polled; /* nothing that is driven here brings its interrupt */
static bool throttled; /* ring full: the hardware FIFO, then the sender, holds the rest */
static uint64_t lost_bytes;

void console_probe(const struct fdt_node *node) { uart_consider(&search, node); }

static void on_receive(void *cookie) {
    (void)cookie;
    uint8_t byte;
    bool lost = false;
    for (uint32_t i = 0; i < BYTES_AN_INTERRUPT; i++) {
        if (ring_written - ring_read == RING_BYTES) {
            throttled = true;
            active->driver->receive_interrupt(&active->uart, false);
            return;
        }
        if (!active->driver->receive(&active->uart, &byte, &lost)) { return; }
        ring[ring_written % RING_BYTES] = byte;
        barrier_compiler();
        ring_written++;
        if (lost) { lost_bytes++; }
    }
}

enum status console_init(const struct fdt *fdt) {
    const struct uart_candidate *found = uart_chosen(&search, fdt);
    if (!found) { return STATUS_NO_ENTRY; }
    enum status status = map_device(found->uart.base, found->size_bytes);
    if (status == STATUS_OK && found->uart.receive.size_bytes) {
        status = map_device(found->uart.receive.block, found->uart.receive.size_bytes);
    }
    if (status != STATUS_OK) { return status; }
    found->driver->init(&found->uart);
    active = found;
    const uint32_t irq = irq_number(found->interrupt_parent, found->interrupts, 0);
    polled = irq_register(irq, on_receive, nullptr) != STATUS_OK;
    if (polled) {
        console_print(" (polled: its interrupt is not known)");
        return STATUS_OK;
    }
    found->driver->receive_interrupt(&found->uart, true);
    irq_enable(irq);
    return STATUS_OK;
}

bool console_is_polled(void) { return polled; }

bool console_get(uint8_t *byte) {
    if (polled) { on_receive(nullptr); }
    if (ring_written == ring_read) { return false; }
    barrier_compiler();
    *byte = ring[ring_read % RING_BYTES];
    barrier_compiler();
    ring_read++;
    if (throttled && ring_written - ring_read < RING_BYTES / 2) {
        const uint64_t flags = irq_save();
        throttled = false;
        active->driver->receive_interrupt(&active->uart, true);
        irq_restore(flags);
    }
    return true;
}

uint64_t console_lost(void) { return lost_bytes; }

/* True when the transmitter takes a byte. One that is dead is not waited for. */
static bool wait_to_send(void) {
    if (active->driver->can_send(&active->uart)) { return true; }
    return !dead && uart_wait(active->driver, &active->uart, &wait_cycles);
}

static void put_byte(uint8_t byte) {
    if (!active) {
        early_put(byte);
        return;
    }
    dead = !wait_to_send();
    if (!dead) { active->driver->send(&active->uart, byte); }
}

void console_put(const void *data, uint32_t size) {
    if (!active) { return; }
    const uint8_t *bytes = data;
    for (uint32_t i = 0; i < size; i++) { put_byte(bytes[i]); }
}

void console_print(const char *fmt, ...) {
    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    const uint32_t size = format_list(line, sizeof line, fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < size; i++) {
        if (line[i] == '\n') { put_byte('\r'); }
        put_byte((uint8_t)line[i]);
    }
}

uint64_t console_wait_cycles(void) { return wait_cycles + early_wait_cycles(); }
