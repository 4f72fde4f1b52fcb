/* A device tree is walked in bounds, and whatever it says, a UART is chosen or not, with an interrupt or without: nothing is read
 * outside. */
#include "drivers/timer.h"
#include "drivers/uart_find.h"
#include "irq/irq.h"
#include "check.h"
#include <string.h>

struct walked {
    struct uart_search search;
    uint32_t nodes;
    const uint8_t *from, *to;
};

static void inside(const struct walked *walked, struct span span) {
    MUST(span.size == 0 || (span.data >= walked->from && span.size <= (size_t)(walked->to - span.data)));
}

static enum status map(uint64_t, uint64_t) { return STATUS_OK; }

/* What was kept of the tree before this one: its memory is gone. */
static void forget(void) {
    static const struct fdt_node aux = {.compatible = {"brcm,bcm2835-aux"}, .compatible_count = 1};
    static const struct fdt_node timer = {.compatible = {"arm,armv8-timer"}, .compatible_count = 1};
    irq_probe(&aux, map);
    timer_probe(&timer);
}

static void visit(void *cookie, const struct fdt_node *node) {
    struct walked *walked = cookie;
    walked->nodes++;
    MUST(node->depth < FDT_MAX_DEPTH && node->compatible_count <= FDT_MAX_COMPATIBLE);
    for (uint32_t key = 0; key < FDT_KEYS; key++) { inside(walked, node->property[key]); }
    for (uint32_t i = 0; i < node->compatible_count; i++) { (void)strlen(node->compatible[i]); }
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t addr, size_bytes;
        (void)!fdt_reg(node, i, &addr, &size_bytes);
        (void)fdt_cell(node->property[FDT_INTERRUPTS], i);
    }
    if (node->disabled) { return; }
    uart_consider(&walked->search, node);
    irq_probe(node, map);
    timer_probe(node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *tree = aligned_alloc(8, (size + 7) & ~(size_t)7); /* boot/head.S refuses a tree that is not aligned */
    if (!tree) { return 0; }
    memcpy(tree, data, size);
    struct fdt fdt;
    forget();
    if (fdt_open(tree, (uint32_t)size, &fdt) == STATUS_OK) {
        struct walked walked = {.from = tree, .to = tree + size};
        (void)!fdt_walk(&fdt, visit, &walked);
        MUST(walked.nodes <= size / 4);
        const struct uart_candidate *found = uart_chosen(&walked.search, &fdt);
        if (irq_ready() == STATUS_OK) {
            if (found) { (void)irq_number(found->interrupt_parent, found->interrupts, 0); }
            (void)timer_irq();
        }
    }
    free(tree);
    return 0;
}
