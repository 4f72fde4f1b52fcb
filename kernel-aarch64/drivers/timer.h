#pragma once
/* The generic timer (Arm ARM D11), virtual view. For drivers and boot. */

#include "gen/abi_status.h"
#include "lib/fdt.h"
#include <stdint.h>

void timer_probe(const struct fdt_node *node);

/* STATUS_NOT_SUPPORTED when neither the register nor the tree gives a frequency. */
[[nodiscard]] enum status clock_init(void);

[[nodiscard]] uint64_t clock_count(void);
[[nodiscard]] uint64_t clock_ns_of(uint64_t count);

/* Interrupt of the virtual timer, IRQ_NONE when the tree has none. */
[[nodiscard]] uint32_t timer_irq(void);

/* The same of the physical timer. */
[[nodiscard]] uint32_t timer_physical_irq(void);

/* Registers the timer's interrupt. Core 0, once; `call` is smp's core_call, which this layer may not see. */
typedef enum status (*tick_caller)(uint32_t core, void (*fn)(void *), void *arg);
[[nodiscard]] enum status tick_init(tick_caller call);

/* On each core: lets the timer interrupt it. */
void tick_core_init(void);
