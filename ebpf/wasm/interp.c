/* Runs programs; the outside world of a program (time, chance, log) is the host's. */
#include "bpf/interp/interp.h"
#include "bpf/helpers/trace.h"
#include "bpf/interp/vector.h"
#include "bpf/maps/ring.h"
#include "host.h"

#define LOG_BYTES 256u

IMPORT(time_ns) uint64_t host_time_ns(void);
IMPORT(random) uint32_t host_random(void);
IMPORT(log) void host_log(const char *text, uint32_t size);
IMPORT(observe) void host_observe(uint32_t insn, const uint64_t *regs);
IMPORT(vector) void host_vector(uint32_t insn, uint32_t id, uint32_t first, uint32_t second);

#define HELPER(name)                                                                                             \
    static uint64_t name([[maybe_unused]] uint64_t r1, [[maybe_unused]] uint64_t r2, [[maybe_unused]] uint64_t r3, \
                         [[maybe_unused]] uint64_t r4, [[maybe_unused]] uint64_t r5)

static void *at(uint64_t address) { return (void *)(uintptr_t)address; }

HELPER(map_lookup_elem) { return (uintptr_t)map_lookup(at(r1), at(r2)); }
HELPER(map_update_elem) { return (uint64_t)map_update(at(r1), at(r2), at(r3), r4); }
HELPER(map_delete_elem) { return (uint64_t)map_delete(at(r1), at(r2)); }
HELPER(ringbuf_output) { return (uint64_t)ring_output(at(r1), at(r2), r3, r4); }
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

/* The counts among the arguments of each helper: at most two, 0 for none. */
struct vector_shape {
    struct vector_argument arguments[5];
};
#define SHAPE(name, id, result, overlaps, call, row, block, count, ...) {{__VA_ARGS__}},
static const struct vector_shape shapes[VECTOR_COUNT] = {VECTOR_TABLE(SHAPE)};
#undef SHAPE

/*
 * A search looks at 64 bytes at a time, and at those in which it finds something, as at what is left in the end, once more by 16
 * (neon/memory.c): the bytes of the one and of the other.
 */
static void count_search(uint64_t place, uint64_t bytes, uint64_t counts[2]) {
    const uint64_t whole = bytes / 64 * 64, start = place / 64 * 64;
    const uint64_t last = start + (place % 64 / 16 + 1) * 16;
    const bool is_whole = place < whole;
    counts[0] = place >= bytes ? whole : is_whole ? start + 64 : start;
    counts[1] = place >= bytes ? bytes - whole : (last > bytes ? bytes : last) - start;
}

static uint64_t place_of(uint32_t id, const uint64_t regs[11]) {
    const uint8_t *a = at(regs[1]), *b = at(regs[2]);
    uint64_t place = 0;
    if (id == VL_MEM_FIND) { return interp_vector(id, regs[1], regs[2], regs[3], 0, 0); }
    while (place < regs[3] && a[place] == b[place]) { place++; }
    return place;
}

/* How much a call works on. */
static void vector_observer([[maybe_unused]] void *cookie, uint32_t insn, uint32_t id, const uint64_t regs[11]) {
    const struct vector_shape *shape = &shapes[id - VECTOR_ID_FIRST];
    uint64_t counts[2] = {0, 0};
    uint32_t found = 0;
    for (uint32_t i = 0; i < 5 && found < 2; i++) {
        const uint16_t kind = shape->arguments[i].kind;
        if (kind == VECTOR_COUNT0 || kind == VECTOR_COUNT1) { counts[found++] = regs[1 + i]; }
    }
    if (id == VL_MEM_FIND || id == VL_MEM_COMPARE) { count_search(place_of(id, regs), counts[0], counts); }
    host_vector(insn, id, (uint32_t)counts[0], (uint32_t)counts[1]);
}

static struct interp_result result;

/* Maps must have been created. Status. */
uint32_t EXPORT(host_interpret)(uint64_t r1, uint64_t r2, uint64_t step_limit, bool observed) {
    struct interp_environment environment = {
        .helper = {
#define HELPER_ENTRY(name, id, ...) [HELPER_PLACE(id)] = name,
            HELPER_TABLE(HELPER_ENTRY)
#undef HELPER_ENTRY
        },
        .observer = observed ? observer : nullptr,
        .vector_observer = vector_observer,
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
