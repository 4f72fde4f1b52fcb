#include "drivers/console.h"
#include "drivers/console_start.h"
#include "drivers/uart.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/irqflags.h"
#include "lib/pmu.h"
#include "lib/print.h"
#include "lib/sysreg.h"
#include "mm/map.h"

#define RING_BYTES 16384u /* power of two */
#define LINE_BYTES 256u
/* The deepest FIFO. A line that is faster than this core (an emulated one) must not hold it in the interrupt: the level
 * stays up for what is left, and the tick gets its turn first. */
#define BYTES_AN_INTERRUPT 64u
#define UARTS_MAX 8u
#define DEFAULT_BAUD 115200u
/* A FIFO of 64 bytes at 9600 baud drains in 67 ms; a transmitter that takes nothing for longer is dead. */
#define SEND_WAIT_MS 100u

struct candidate {
    const struct uart_driver *driver;
    struct uart uart;
    uint64_t size_bytes;
    uint32_t offset; /* of its node */
    uint32_t interrupt_parent;
    struct span interrupts;
};

static const struct uart_driver *const drivers[] = {&pl011_driver, &aux_driver, &ns16550_driver};
static struct candidate candidates[UARTS_MAX];
static uint32_t candidate_count;
static struct span stdout_path;

static const struct candidate *active;
static uint64_t wait_cycles;
static bool dead; /* the transmitter ran into the cap and has not taken a byte since */

/* Filled by the interrupt, emptied by core 0 outside of it; the interrupt comes to core 0 too. */
static uint8_t ring[RING_BYTES];
static uint32_t ring_written; /* counts bytes, wraps at 2^32 */
static uint32_t ring_read;
static bool throttled; /* ring full: the hardware FIFO, then the sender, holds the rest */
static uint64_t lost_bytes;

static const struct uart_driver *driver_of(const struct fdt_node *node) {
    for (uint32_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        for (const char *const *name = drivers[i]->compatible; *name; name++) {
            if (fdt_compatible(node, *name)) { return drivers[i]; }
        }
    }
    return nullptr;
}

void console_probe(const struct fdt_node *node) {
    if (node->property[FDT_STDOUT_PATH].size > 0) { stdout_path = node->property[FDT_STDOUT_PATH]; }
    if (candidate_count == UARTS_MAX || node->property[FDT_COMPATIBLE].size == 0) { return; }
    const struct uart_driver *driver = driver_of(node);
    struct candidate *found = &candidates[candidate_count];
    if (!driver || fdt_reg(node, 0, &found->uart.base, &found->size_bytes) != STATUS_OK) { return; }
    found->driver = driver;
    found->uart.clock_hz = fdt_cell(node->property[FDT_CLOCK_FREQUENCY], 0);
    const struct span shift = node->property[FDT_REG_SHIFT];
    const bool wide = driver == &aux_driver || fdt_compatible(node, "nvidia,tegra20-uart");
    found->uart.reg_shift = shift.size ? fdt_cell(shift, 0) & 3 : wide ? 2 : 0;
    found->offset = node->offset;
    found->interrupt_parent = node->interrupt_parent;
    found->interrupts = node->property[FDT_INTERRUPTS];
    candidate_count++;
}

/* The number after ':' in stdout-path, e.g. "serial0:115200n8". */
static uint32_t baud_of(struct span path) {
    uint32_t at = 0;
    while (at < path.size && path.data[at] != ':') { at++; }
    uint32_t baud = 0;
    for (at++; at < path.size && path.data[at] >= '0' && path.data[at] <= '9' && baud < 100000000; at++) {
        baud = baud * 10 + path.data[at] - '0';
    }
    return baud ? baud : DEFAULT_BAUD;
}

static struct candidate *chosen(const struct fdt *fdt) {
    uint32_t offset;
    if (stdout_path.size > 0 && fdt_find(fdt, stdout_path, &offset) == STATUS_OK) {
        for (uint32_t i = 0; i < candidate_count; i++) {
            if (candidates[i].offset == offset) { return &candidates[i]; }
        }
    }
    return candidate_count > 0 ? &candidates[0] : nullptr;
}

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
    struct candidate *found = chosen(fdt);
    if (!found) { return STATUS_NO_ENTRY; }
    const enum status status = map_device(found->uart.base, found->size_bytes);
    if (status != STATUS_OK) { return status; }
    found->uart.baud = baud_of(stdout_path);
    found->driver->init(&found->uart);
    active = found;
    const uint32_t irq = irq_number(found->interrupt_parent, found->interrupts, 0);
    const enum status registered = irq_register(irq, on_receive, nullptr);
    if (registered != STATUS_OK) { return registered; }
    found->driver->receive_interrupt(&found->uart, true);
    irq_enable(irq);
    return STATUS_OK;
}

bool console_get(uint8_t *byte) {
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

/* True when the transmitter takes a byte, after waiting for it up to the cap. */
static bool wait_to_send(void) {
    if (active->driver->can_send(&active->uart)) { return true; }
    if (dead) { return false; }
    const uint64_t from = cycles();
    const uint64_t deadline = READ_SYSREG(cntvct_el0) + READ_SYSREG(cntfrq_el0) / 1000 * SEND_WAIT_MS;
    bool ready = false;
    while (!ready && READ_SYSREG(cntvct_el0) < deadline) { ready = active->driver->can_send(&active->uart); }
    wait_cycles += cycles() - from;
    return ready;
}

static void put_byte(uint8_t byte) {
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
    if (!active) { return; }
    for (uint32_t i = 0; i < size; i++) {
        if (line[i] == '\n') { put_byte('\r'); }
        put_byte((uint8_t)line[i]);
    }
}

uint64_t console_wait_cycles(void) { return wait_cycles; }
