#include "bpf/helpers/helpers.h"
#include "bpf/helpers/trace.h"
#include "bpf/maps/ring.h"
#include "drivers/clock.h"
#include "lib/mem.h"
#include "telemetry/events.h"
#include "telemetry/running.h"

/* The verifier has proven the types of the arguments; unused registers hold whatever the program left in them. */
#define HELPER(name)                                                                                             \
    static uint64_t name([[maybe_unused]] uint64_t r1, [[maybe_unused]] uint64_t r2, [[maybe_unused]] uint64_t r3, \
                         [[maybe_unused]] uint64_t r4, [[maybe_unused]] uint64_t r5)

HELPER(map_lookup_elem) { return (uint64_t)map_lookup((struct bpf_map *)r1, (const void *)r2); }

HELPER(map_update_elem) {
    return (uint64_t)map_update((struct bpf_map *)r1, (const void *)r2, (const void *)r3, r4);
}

HELPER(map_delete_elem) { return (uint64_t)map_delete((struct bpf_map *)r1, (const void *)r2); }

HELPER(ktime_get_ns) { return clock_ns(); }

static void copy_name(char *out, const char *name) {
    for (uint32_t i = 0; i + 1 < EVENT_NAME_BYTES && name[i] != '\0'; i++) { out[i] = name[i]; }
}

HELPER(trace_printk) {
    struct event event = {.kind = EVENT_LOG, .time_ns = clock_ns()};
    const uint64_t args[3] = {r3, r4, r5};
    const uint32_t size = r2 > TRACE_FORMAT_BYTES_MAX ? TRACE_FORMAT_BYTES_MAX : (uint32_t)r2;
    const int64_t length = trace_format(event.text, sizeof(event.text), (const char *)r1, size, args);
    if (length < 0) { return (uint64_t)length; }
    const struct running *running = running_module[core_id()];
    if (running != nullptr) {
        copy_name(event.name, running->name);
        event.version = running->version;
    }
    (void)event_log(&event); /* a line that was dropped is counted there */
    return (uint64_t)length;
}

/* xorshift64* (Marsaglia 2003, Vigna 2016): the upper half of the product passes the usual tests. */
HELPER(get_prandom_u32) {
    static uint64_t state[MAX_CORES];
    const uint32_t core = core_id();
    uint64_t x = state[core];
    if (x == 0) { x = (clock_ns() << 8 | core) | 1; }
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state[core] = x;
    return (x * 0x2545f4914f6cdd1du) >> 32;
}

HELPER(get_smp_processor_id) { return core_id(); }

HELPER(ringbuf_output) { return (uint64_t)ring_output((struct bpf_map *)r1, (const void *)r2, r3, r4); }

const bpf_helper_function helper_functions[HELPER_PLACES] = {
#define HELPER_ENTRY(name, id, ...) [HELPER_PLACE(id)] = name,
    HELPER_TABLE(HELPER_ENTRY)
#undef HELPER_ENTRY
};
