#pragma once
/* Flattened device trees (Devicetree Specification 0.4, chapter 5). The bytes are untrusted: every offset and length is
 * checked, and one walk over the tree takes time linear in its size. Pure: also compiles natively. */

#include "gen/abi_status.h"
#include "lib/span.h"
#include <stdint.h>

#define FDT_MAX_DEPTH 8u      /* deeper nodes are skipped */
#define FDT_MAX_COMPATIBLE 6u /* strings of one `compatible` that are looked at */

struct fdt {
    const uint8_t *structure;
    uint32_t structure_size;
    const char *strings;
    uint32_t strings_size;
};

/* The properties that a walk collects of each node. */
enum fdt_key : uint32_t {
    FDT_COMPATIBLE,
    FDT_REG,
    FDT_RANGES,
    FDT_INTERRUPTS,
    FDT_INTERRUPT_PARENT,
    FDT_INTERRUPT_CELLS,
    FDT_PHANDLE,
    FDT_ADDRESS_CELLS,
    FDT_SIZE_CELLS,
    FDT_STATUS,
    FDT_MODEL,
    FDT_METHOD,
    FDT_RELEASE_ADDR,
    FDT_CLOCK_FREQUENCY,
    FDT_REG_SHIFT,
    FDT_DEVICE_TYPE,
    FDT_STDOUT_PATH,
    FDT_RNG_SEED,
    FDT_GPIOS,
    FDT_MBOXES,
    FDT_KEYS,
};

struct fdt_node {
    const char *name;
    uint32_t offset; /* in the structure block: identifies the node */
    uint32_t depth;  /* 0 is the root */
    const struct fdt_node *parent;
    uint32_t interrupt_parent; /* phandle, inherited; 0 when none */
    bool disabled;             /* its own `status`, or an ancestor's, is not okay */
    uint32_t compatible_count;
    const char *compatible[FDT_MAX_COMPATIBLE];
    struct span property[FDT_KEYS]; /* data is null when the node has no such property */
};

/* STATUS_CORRUPT when the header or a block does not fit in size_bytes. */
[[nodiscard]] enum status fdt_open(const void *bytes, uint32_t size_bytes, struct fdt *out);

/* Calls visit for each node, once its properties are known, parents first. STATUS_CORRUPT when the structure is damaged;
 * the nodes before the damage were visited. */
typedef void (*fdt_visitor)(void *cookie, const struct fdt_node *node);
[[nodiscard]] enum status fdt_walk(const struct fdt *fdt, fdt_visitor visit, void *cookie);

/* True when `compatible` lists this string. */
[[nodiscard]] bool fdt_compatible(const struct fdt_node *node, const char *with);

/* True when the node has this name; a unit address counts as part of it. */
[[nodiscard]] bool fdt_named(const struct fdt_node *node, const char *name);

/* Big-endian cell at an index; 0 beyond the end. */
[[nodiscard]] uint32_t fdt_cell(struct span cells, uint32_t index);

/* The index-th entry of `reg` as a physical address, through the `ranges` of all buses above.
 * STATUS_NO_ENTRY: no such entry, or a bus does not translate it. */
[[nodiscard]] enum status fdt_reg(const struct fdt_node *node, uint32_t index, uint64_t *addr, uint64_t *size_bytes);

/* Offset of the node at a path, which ends at NUL, ':' or `length`. The first component may be an alias. STATUS_NO_ENTRY. */
[[nodiscard]] enum status fdt_find(const struct fdt *fdt, struct span path, uint32_t *offset);
