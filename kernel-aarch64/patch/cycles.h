#pragma once
/* The cycle counter (Arm ARM D13, PMCCNTR_EL0) at the start of a call that is measured. */

#include "smp/guard.h"

/* guard_call(fn, a, b, result, fault), and in *start the counter just before. Without the barrier of cycles(): what
 * drifts past it is the dispatcher's own. The arguments are in their registers by then: canaries, predecessors and
 * shadows are called from different places and then compared, so measuring has to cost the same in each. */
[[nodiscard]] static inline enum status guard_call_at(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b,
                                                      uint64_t *result, struct fault *fault, uint64_t *start) {
    register uint64_t (*x0)(uint64_t, uint64_t) __asm__("x0") = fn;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t *x3 __asm__("x3") = result;
    register struct fault *x4 __asm__("x4") = fault;
    __asm__ volatile("mrs %0, pmccntr_el0" : "=r"(*start), "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4)::"memory");
    return guard_call(x0, x1, x2, x3, x4);
}
