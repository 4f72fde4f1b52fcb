#pragma once
/* The cycle counter (Arm ARM D13, PMCCNTR_EL0) at the start of a measurement. */

#include <stdint.h>

/* Without the barrier of cycles(): what drifts past it is the dispatcher's own. */
static inline uint64_t cycles_at_start(void) {
    uint64_t value;
    __asm__ volatile("mrs %0, pmccntr_el0" : "=r"(value)::"memory");
    return value;
}
