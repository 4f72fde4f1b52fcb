#pragma once
#include "lib/pmu.h"
#include "smp/guard.h"
[[nodiscard]] static inline enum status guard_call_at(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b,
                                                      uint64_t *result, struct fault *fault, uint64_t *start) {
    *start = cycles();
    return guard_call(fn, a, b, result, fault);
}
