/* Runs programs; the outside world of a program (time, chance, log) is the host's. */
#include "bpf/interp/interp.h"
#include "bpf/helpers/trace.h"
#include "host.h"

#define LOG_BYTES 256u

IMPORT(time_ns) uint64_t host_time_ns(void);
IMPORT(random) uint32_t host_random(void);
IMPORT(log) void host_log(const char *text, uint32_t size);
IMPORT(observe) void host_observe(uint32_t insn, const uint64_t *regs);

#define HELPER(name)                                                                                             \
    static uint64_t name([[maybe_unused]] uint64_t r1, [[maybe_unused]] uint64_t r2, [[maybe_unused]] uint64_t r3, \
                         [[maybe_unused]] uint64_t r4, [[maybe_unused]] uint64_t r5)

static void *at(uint64_t address) { return (void *)(uintptr_t)address; }

HELPER(map_lookup_elem) { return (uintptr_t)map_lookup(at(r1), at(r2)); }
HELPER(map_update_elem) { return (uint64_t)map_update(at(r1), at(r2), at(r3), r4); }
HELPER(map_delete_elem) { return (uint64_t)map_delete(at(r1), at(r2)); }
HELPER(ktime_get_ns) { return host_time_ns(); }
HELPER(get_prandom_u32) { return host_random(); }
HELPER(get_smp_processor_id) { return host.core; }

HELPER(trace_printk) {
    char text[LOG_BYTES];
    const uint64_t args[3] = {r3, r4, r5};
    const uint32_t size = r2 > TRACE_FORMAT_BYTES_MAX ? TRACE_FORMAT_BYTES_MAX : (uint32_t)r2;
    const int64_t length = trace_format(text, sizeof(text), at(r1), size, args);
    if (length >= 0) { host_log(text, length < LOG_BYTES ? (uint32_t)length : LOG_BYTES - 1); }
    return (uint64_t)length;
}

static void observer([[maybe_unused]] void *cookie, uint32_t insn, const uint64_t regs[11]) { host_observe(insn, regs); }

static struct interp_result result;

/* Maps must have been created. Status. */
uint32_t EXPORT(host_interpret)(uint64_t r1, uint64_t r2, uint64_t step_limit, bool observed) {
    struct interp_environment environment = {
        .helper = {
#define HELPER_ENTRY(name, id, ...) [id] = name,
            HELPER_TABLE(HELPER_ENTRY)
#undef HELPER_ENTRY
        },
        .observer = observed ? observer : nullptr,
    };
    for (uint32_t i = 0; i < host.program.map_count; i++) {
        environment.map_addr[i] = (uintptr_t)host.maps[i];
        environment.map_value_addr[i] = (uintptr_t)host.maps[i]->values;
    }
    result = (struct interp_result){};
    return bpf_interpret(&host.program, &environment, r1, r2, step_limit, &result);
}

uint64_t EXPORT(host_r0)(void) { return result.r0; }
uint64_t EXPORT(host_steps)(void) { return result.steps; }
uint64_t EXPORT(host_vector_insns)(void) { return result.vector_insns; }
