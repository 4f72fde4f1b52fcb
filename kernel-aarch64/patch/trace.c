/* trace: every single run of a hook, kept until the host has read it or newer ones take its place. */
#include "drivers/clock.h"
#include "drivers/timer.h"
#include "gen/abi_trace.h"
#include "lib/barrier.h"
#include "lib/varint.h"
#include "mm/pool.h"
#include "patch/dispatch.h"
#include "patch/modules.h"
#include "patch/service.h"

constexpr uint32_t RING = 512; /* runs a core; power of two */
/* Of the oldest runs, left out beyond what was overwritten: their core goes on writing while they are read. */
constexpr uint32_t MARGIN = 16;
static_assert(HOOK_ID_LIMIT <= RUN_HOOKS && MAX_CORES <= RUN_CORES);

struct run {
    uint64_t begin_count;
    uint64_t result;
    uint32_t took_count;
    uint32_t cycles;
    uint32_t module;
    uint32_t version;
    uint8_t hook;
    bool faulted;
};

/* Written by its own core with interrupts masked, over the oldest runs; core 0 reads behind it, outside interrupts. Run n
 * lies at runs[n % RING]. */
static struct ring {
    uint32_t written;
    uint32_t read; /* by core 0 */
    struct run *runs;
} __attribute__((aligned(64))) rings[MAX_CORES];

static uint64_t lost;

static enum status trace_call(struct version *version, void *context, uint32_t core) {
    const struct counters *counters = version->counters[core];
    const uint64_t cycles = counters->cycles;
    const uint64_t begin = clock_count();
    const enum status status = dispatch_call(version, context, core);
    const uint64_t end = clock_count();
    struct ring *ring = &rings[core];
    /* `written` of the run before is seen before this one goes over an older one, and `runs` read after the probe. */
    barrier_dmb_ish();
    struct run *run = &ring->runs[ring->written % RING];
    *run = (struct run){
        .begin_count = begin,
        .result = status == STATUS_OK ? counters->last_result : 0,
        .took_count = (uint32_t)(end - begin),
        .cycles = (uint32_t)(counters->cycles - cycles),
        .module = version->module->id,
        .version = version->running.version,
        .hook = version->module->hook,
        .faulted = status != STATUS_OK,
    };
    __atomic_store_n(&ring->written, ring->written + 1, __ATOMIC_RELEASE);
    if (ring->written - __atomic_load_n(&ring->read, __ATOMIC_RELAXED) >= PROBE_UNREAD_LIMIT) {
        __atomic_store_n(&dispatch_probe, nullptr, __ATOMIC_RELAXED);
    }
    return status;
}

/* At most RUN_BYTES; returns the end. */
static uint8_t *put_run(uint8_t *out, uint32_t core, const struct run *run, uint64_t *before_ns) {
    const uint64_t begin_ns = clock_ns_of(run->begin_count);
    const uint64_t numbers[RUN_NUMBERS] = {
        [RUN_BEGIN] = begin_ns - *before_ns,
        [RUN_TOOK] = clock_ns_of(run->took_count),
        [RUN_CYCLES] = run->cycles,
        [RUN_MODULE] = run->module,
        [RUN_VERSION] = run->version,
        [RUN_RESULT] = run->result,
    };
    *before_ns = begin_ns;
    *out++ = (uint8_t)((core * RUN_HOOKS + run->hook) * 2 + run->faulted);
    for (uint32_t i = 0; i < RUN_NUMBERS; i++) { out = put_signed(out, numbers[i]); }
    return out;
}

static uint8_t *put_ring(uint8_t *out, const uint8_t *end, uint32_t core, uint64_t *before_ns) {
    struct ring *ring = &rings[core];
    while (out + RUN_BYTES <= end && ring->read != __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE)) {
        const struct run run = ring->runs[ring->read % RING];
        barrier_dmb_ish();
        const uint32_t written = __atomic_load_n(&ring->written, __ATOMIC_RELAXED);
        uint32_t next = ring->read + 1;
        if (written - ring->read < RING) {
            out = put_run(out, core, &run, before_ns);
        } else { /* what was copied may be of two runs */
            next = written - RING + MARGIN;
            lost += next - ring->read;
        }
        __atomic_store_n(&ring->read, next, __ATOMIC_RELAXED);
    }
    return out;
}

static enum status trace_begin(struct refusal *refusal) {
    if (dispatch_probe == trace_call) { return STATUS_OK; }
    if (dispatch_probe != nullptr) {
        return REFUSE(refusal, STATUS_BUSY, "a profile is being taken");
    }
    for (uint32_t core = 0; core < cores_up(); core++) {
        struct ring *ring = &rings[core];
        if (ring->runs == nullptr) {
            const enum status status = pool_alloc(RING * sizeof(struct run), 64, (void **)&ring->runs);
            if (status != STATUS_OK) { return status; }
        }
        ring->read = ring->written;
    }
    lost = 0;
    __atomic_store_n(&dispatch_probe, trace_call, __ATOMIC_RELEASE);
    return STATUS_OK;
}

enum status handle_trace(const struct msg_trace_request *request, struct msg_trace_response *response,
                         struct refusal *refusal) {
    static uint8_t data[REPORT_BYTES];
    static uint32_t first; /* to be read: in turn, so that no core waits for others when there is more than fits */
    if (request->has_on && request->on) {
        const enum status status = trace_begin(refusal);
        if (status != STATUS_OK) { return status; }
    } else if (request->has_on && dispatch_probe == trace_call) {
        __atomic_store_n(&dispatch_probe, nullptr, __ATOMIC_RELAXED);
    }
    const uint64_t time_ns = clock_ns();
    uint64_t before_ns = time_ns;
    uint8_t *out = data;
    for (uint32_t i = 0; i < cores_up(); i++) {
        out = put_ring(out, data + sizeof data, (first + i) % cores_up(), &before_ns);
    }
    first++;
    *response = (struct msg_trace_response){
        .on = dispatch_probe == trace_call,
        .time_ns = time_ns,
        .lost = lost,
        .data = {data, (uint32_t)(out - data)},
    };
    return STATUS_OK;
}
