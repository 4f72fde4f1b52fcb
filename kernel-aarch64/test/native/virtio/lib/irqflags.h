#pragma once
/* Stands in for lib/irqflags.h. */
#include <stdint.h>

uint64_t irq_save(void);
void irq_restore(uint64_t flags);
