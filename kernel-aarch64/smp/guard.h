#pragma once
/* Runs code that may fault, and comes back with the fault instead of the crash. */

#include "gen/abi_status.h"
#include <stdint.h>

/* Registers at the moment of the exception (Arm ARM D19: ESR_EL1, FAR_EL1, ELR_EL1, SPSR_EL1). */
struct fault {
    uint64_t esr;
    uint64_t far;
    uint64_t elr;
    uint64_t spsr;
    uint64_t x[31];
};

/* Calls fn(a, b) on this core. STATUS_OK: *result holds what it returned. STATUS_MODULE_FAULT: a synchronous exception
 * ended it, *fault holds the registers (when fault is not null) and nothing after the faulting instruction ran.
 * Works in interrupt context, where it may interrupt another guarded call on the same core. */
[[nodiscard]] enum status guard_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *result,
                                     struct fault *fault);

/* A guarded call is under way on this core, which may be another than the caller's. */
[[nodiscard]] bool guard_is_active(uint32_t core);
