/* A device tree is walked in bounds, and whatever it says, a UART is chosen or not: nothing is read outside. */
#include "drivers/uart_find.h"
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
    if (!node->disabled) { uart_consider(&walked->search, node); }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *tree = aligned_alloc(8, (size + 7) & ~(size_t)7); /* boot/head.S refuses a tree that is not aligned */
    if (!tree) { return 0; }
    memcpy(tree, data, size);
    struct fdt fdt;
    if (fdt_open(tree, (uint32_t)size, &fdt) == STATUS_OK) {
        struct walked walked = {.from = tree, .to = tree + size};
        (void)!fdt_walk(&fdt, visit, &walked);
        MUST(walked.nodes <= size / 4);
        (void)uart_chosen(&walked.search, &fdt);
    }
    free(tree);
    return 0;
}
