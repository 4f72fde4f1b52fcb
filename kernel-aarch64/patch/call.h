#pragma once
/* One call of a module version: guarded, and counted. The hot path of every hook. */

#include "lib/pmu.h"
#include "patch/cycles.h"
#include "patch/version.h"

/* Calls the version on this core, interrupts masked; `core` is core_id(). The result lands in
 * counters[core]->last_result, *took holds the cycles. STATUS_MODULE_FAULT as guard_call(). */
[[nodiscard]] static inline enum status version_call(struct version *version, void *context, uint32_t core,
                                                     struct fault *fault, uint64_t *took) {
    struct counters *counters = version->counters[core];
    running_module[core] = &version->running;
    const jit_function entry = version->entry;
    uint64_t start;
    const enum status status = guard_call_at(entry, (uint64_t)context, 0, &counters->last_result, fault, &start);
    const uint64_t raw = cycles() - start;
    if (__builtin_expect(status != STATUS_OK, 0)) { return status; }
    *took = count_call(counters, raw);
    return STATUS_OK;
}

/* The same without telemetry, for measuring what that costs. */
[[nodiscard]] static inline enum status version_call_uncounted(struct version *version, void *context, uint32_t core,
                                                               struct fault *fault, uint64_t *result) {
    running_module[core] = &version->running;
    const jit_function entry = version->entry;
    return guard_call(entry, (uint64_t)context, 0, result, fault);
}
