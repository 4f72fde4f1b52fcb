#pragma once
/* In WebAssembly nothing interrupts. */

#include <stdint.h>

static inline uint64_t irq_save(void) { return 0; }
static inline void irq_restore([[maybe_unused]] uint64_t flags) {}
