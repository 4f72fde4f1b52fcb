#pragma once
/* Interrupts: one controller (or a pair, on the Pi 3) behind one interface. Numbers are the controller's own: INTID on a
 * GIC; 0..31 for the BCM2836 per-core sources and 32 + 32 * bank + bit for the legacy controller behind them. */

#include "gen/abi_status.h"
#include "lib/fdt.h"
#include <stdint.h>

#define IRQ_NONE UINT32_MAX

typedef void (*irq_handler)(void *cookie);

/* Makes registers reachable; boot passes mm's map_device. */
typedef enum status (*irq_mapper)(uint64_t addr_phys, uint64_t size_bytes);

/* A driver of an interrupt controller. All but `matches` and `probe` run after a successful probe. */
struct irq_controller {
    const char *const *compatible; /* ends with null */
    enum status (*probe)(const struct fdt_node *node, irq_mapper map);
    void (*core_init)(void);                           /* on each core */
    void (*enable)(uint32_t irq);                      /* for this core, or routed to it when shared */
    uint32_t (*number)(struct span cells, uint32_t i); /* the i-th interrupt of an `interrupts` property, or IRQ_NONE */
    void (*handle)(void);                              /* takes what is pending and calls irq_deliver() for each */
    void (*send_ipi)(uint64_t affinity, uint32_t core);
};
extern const struct irq_controller gic2_controller, gic3_controller, bcm2836_controller, armctrl_controller;

/* Called for each node of the tree; takes those that a driver answers to. */
void irq_probe(const struct fdt_node *node, irq_mapper map);

/* STATUS_NOT_SUPPORTED when no controller was found; then nothing that follows may be called. */
[[nodiscard]] enum status irq_ready(void);

/* Number of the i-th interrupt of a device; IRQ_NONE when there is none or its parent is not driven. */
[[nodiscard]] uint32_t irq_number(uint32_t interrupt_parent, struct span interrupts, uint32_t i);

/* On each core, before it unmasks interrupts. */
void irq_core_init(void);

/* Registers a handler, for all cores; it runs in interrupt context. STATUS_NO_MEMORY when the table is full. Core 0. */
[[nodiscard]] enum status irq_register(uint32_t irq, irq_handler handler, void *cookie);

/* Lets this interrupt reach this core. */
void irq_enable(uint32_t irq);

/* The handler of inter-processor interrupts. */
void irq_on_ipi(void (*handler)(void));
void irq_send_ipi(uint64_t affinity, uint32_t core);

/* From the exception vector. */
void irq_handle(void);

/* From controllers. */
void irq_deliver(uint32_t irq);
void irq_deliver_ipi(void);
