#pragma once
/* NVIDIA's combined UART (Tegra194, Tegra234): a processor of its own owns the pins and shares them; it takes and gives
 * text by two mailboxes of two HSP blocks. Bindings serial/nvidia,tegra194-tcu and mailbox/nvidia,tegra186-hsp. */

#include "lib/fdt.h"

#define HSP_BLOCKS_MAX 8u /* six in the tree of L4T 35 */

struct uart_candidate;

struct hsp_block {
    uint64_t base;
    uint64_t size_bytes;
    uint32_t phandle;
    uint32_t interrupt_parent;
    struct span interrupts;
};

struct tcu_search {
    struct span mailboxes; /* `mboxes` of the combined UART; empty: there is none */
    uint32_t offset;       /* of its node */
    struct hsp_block blocks[HSP_BLOCKS_MAX];
    uint32_t block_count;
};

/* For each node of the tree. */
void tcu_consider(struct tcu_search *search, const struct fdt_node *node);

/* False when there is no combined UART, or the block of one of its mailboxes is missing. */
[[nodiscard]] bool tcu_found(const struct tcu_search *search, struct uart_candidate *out);
