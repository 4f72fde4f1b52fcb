/* Registers as in the public uses of the hardware synchronisation primitives: no manual of them is public. */
#include "drivers/tcu.h"
#include "drivers/uart_find.h"
#include "lib/mmio.h"

/* Shared mailboxes lie behind the common registers. */
#define MAILBOXES 0x10000u
#define MAILBOX_BYTES 0x8000u
#define MAILBOX 0x0u
#define MAILBOX_FULL (1u << 31)
#define MAILBOX_FULL_INTERRUPT 0x4u
/* Common registers: which events raise the first shared interrupt. */
#define INTERRUPT_ENABLE 0x100u
#define FULL_EVENT(mailbox) (1u << (8 + (mailbox)))
#define MAILBOXES_MAX 8u

/* Up to three characters a message, their number above them. */
#define COUNT_SHIFT 24u
#define COUNT_MASK 3u

/* Cells of `mboxes`, twice: phandle, type, mailbox. */
#define CELL_BYTES 4u
#define SPECIFIER_CELLS 3u
#define TYPE_SHARED_MAILBOX 1u
#define FOR_SENDING (1u << 31)

/* One cell each: kind, number, flags (binding arm,gic-v3). The first is the doorbell's. */
#define INTERRUPT_BYTES 12u

void tcu_consider(struct tcu_search *search, const struct fdt_node *node) {
    const struct span mailboxes = node->property[FDT_MBOXES];
    if (fdt_compatible(node, "nvidia,tegra194-tcu") && mailboxes.size == 2 * SPECIFIER_CELLS * CELL_BYTES) {
        search->mailboxes = mailboxes;
        search->offset = node->offset;
    }
    const bool block = fdt_compatible(node, "nvidia,tegra194-hsp") || fdt_compatible(node, "nvidia,tegra186-hsp");
    if (!block || search->block_count == HSP_BLOCKS_MAX) { return; }
    struct hsp_block *found = &search->blocks[search->block_count];
    if (fdt_reg(node, 0, &found->base, &found->size_bytes) != STATUS_OK) { return; }
    found->phandle = fdt_cell(node->property[FDT_PHANDLE], 0);
    found->interrupt_parent = node->interrupt_parent;
    found->interrupts = node->property[FDT_INTERRUPTS];
    search->block_count++;
}

struct mailbox {
    const struct hsp_block *block;
    uint32_t number;
};

static bool mailbox_found(const struct tcu_search *search, bool sending, struct mailbox *out) {
    for (uint32_t i = 0; i < 2 * SPECIFIER_CELLS; i += SPECIFIER_CELLS) {
        const uint32_t which = fdt_cell(search->mailboxes, i + 2);
        const uint32_t number = which & 0xffffff;
        const bool shared = (fdt_cell(search->mailboxes, i + 1) & 0xffff) == TYPE_SHARED_MAILBOX;
        if (!shared || !(which & FOR_SENDING) == sending || number >= MAILBOXES_MAX) { continue; }
        for (uint32_t at = 0; at < search->block_count; at++) {
            const struct hsp_block *block = &search->blocks[at];
            if (block->phandle != fdt_cell(search->mailboxes, i)) { continue; }
            *out = (struct mailbox){block, number};
            return block->size_bytes >= MAILBOXES + (number + 1) * (uint64_t)MAILBOX_BYTES;
        }
    }
    return false;
}

static uint64_t address_of(const struct mailbox *mailbox) {
    return mailbox->block->base + MAILBOXES + mailbox->number * (uint64_t)MAILBOX_BYTES;
}

bool tcu_found(const struct tcu_search *search, struct uart_candidate *out) {
    struct mailbox to, from;
    if (!mailbox_found(search, true, &to) || !mailbox_found(search, false, &from)) { return false; }
    const struct span interrupts = from.block->interrupts;
    const uint32_t skip = interrupts.size >= 2 * INTERRUPT_BYTES ? INTERRUPT_BYTES : 0;
    *out = (struct uart_candidate){
        .driver = &tcu_driver,
        .uart = {.base = address_of(&to),
                 .receive = {.block = from.block->base, .size_bytes = from.block->size_bytes, .mailbox = from.number}},
        .size_bytes = MAILBOX_BYTES,
        .offset = search->offset,
        .interrupt_parent = from.block->interrupt_parent,
        .interrupts = {interrupts.data + skip, interrupts.size - skip},
    };
    return true;
}

static uint64_t receive_base(const struct uart *uart) {
    return uart->receive.block + MAILBOXES + uart->receive.mailbox * (uint64_t)MAILBOX_BYTES;
}

/* The pins, their rate included, belong to the other processor. */
static void init(const struct uart *uart) { (void)uart; }

static bool can_send(const struct uart *uart) { return !(mmio_read(uart->base + MAILBOX) & MAILBOX_FULL); }

static void send(const struct uart *uart, uint8_t byte) {
    mmio_write(uart->base + MAILBOX, MAILBOX_FULL | 1u << COUNT_SHIFT | byte);
}

/* What came in one message and was not taken yet; there is one combined UART. */
static uint32_t pending;
static uint32_t pending_count;

static bool receive(const struct uart *uart, uint8_t *byte, bool *lost) {
    *lost = false; /* the sender waits for the mailbox, for 100 ms; what it drops then it does not tell */
    if (pending_count == 0) {
        const uint32_t message = mmio_read(receive_base(uart) + MAILBOX);
        if (!(message & MAILBOX_FULL)) { return false; }
        mmio_write(receive_base(uart) + MAILBOX, 0);
        pending = message;
        pending_count = message >> COUNT_SHIFT & COUNT_MASK;
        if (pending_count == 0) { return false; }
    }
    *byte = (uint8_t)pending;
    pending >>= 8;
    pending_count--;
    return true;
}

static void receive_interrupt(const struct uart *uart, bool on) {
    const uint64_t enable = uart->receive.block + INTERRUPT_ENABLE;
    const uint32_t event = FULL_EVENT(uart->receive.mailbox);
    mmio_write(enable, on ? mmio_read(enable) | event : mmio_read(enable) & ~event);
    mmio_write(receive_base(uart) + MAILBOX_FULL_INTERRUPT, on);
}

const struct uart_driver tcu_driver = {
    .compatible = nullptr, /* found by tcu_found(): it has no registers of its own */
    .init = init,
    .can_send = can_send,
    .send = send,
    .receive = receive,
    .receive_interrupt = receive_interrupt,
};
