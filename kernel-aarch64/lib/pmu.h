#pragma once
/* The cycle counter of this core (Arm ARM D13, PMCCNTR_EL0). Runs from kernel entry on; under QEMU's `-icount shift=0`
 * it counts executed instructions. */

#include <stdint.h>

/* The ISB keeps earlier instructions from drifting past the reading. */
static inline uint64_t cycles(void) {
    uint64_t value;
    __asm__ volatile("isb\n\tmrs %0, pmccntr_el0" : "=r"(value)::"memory");
    return value;
}
