#pragma once
/* Masks interrupts on this core. Pairs nest. */

#include <stdint.h>

/* Masks IRQ and returns what irq_restore() needs. */
static inline uint64_t irq_save(void) {
    uint64_t flags;
    __asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(flags)::"memory");
    return flags;
}

static inline void irq_restore(uint64_t flags) { __asm__ volatile("msr daif, %0" ::"r"(flags) : "memory"); }
