#pragma once
/* One call of a module version: guarded, and counted. The hot path of every hook. */

#include "lib/pmu.h"
#include "patch/version.h"

/* Lives on the dispatcher's stack; the guarded functions below get its address. */
struct version_call {
    struct version *version;
    struct counters *counters;
    uint64_t took; /* cycles; 0 when it was not counted */
};

/* For guard_call(): what telemetry costs is the difference between these two. */
static uint64_t counted_call(uint64_t call_addr, uint64_t context) {
    struct version_call *call = (struct version_call *)call_addr;
    const uint64_t start = cycles();
    const uint64_t result = call->version->entry(context, 0);
    const uint64_t took = cycles() - start;
    call->took = took;
    count_call(call->counters, took, result);
    return result;
}

static uint64_t plain_call(uint64_t call_addr, uint64_t context) {
    const struct version_call *call = (const struct version_call *)call_addr;
    return call->version->entry(context, 0);
}

/* Calls the version on this core, interrupts masked; `core` is core_id(). STATUS_MODULE_FAULT as guard_call(). */
[[nodiscard]] static inline enum status version_call(struct version_call *call, void *context, uint32_t core,
                                                     bool counted, uint64_t *result, struct fault *fault) {
    running_module[core] = &call->version->running;
    if (!counted) { return guard_call(plain_call, (uint64_t)call, (uint64_t)context, result, fault); }
    call->counters = call->version->counters[core];
    return guard_call(counted_call, (uint64_t)call, (uint64_t)context, result, fault);
}
