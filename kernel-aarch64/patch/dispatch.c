#include "patch/dispatch.h"
#include "drivers/clock.h"
#include "lib/irqflags.h"
#include "patch/call.h"
#include "patch/lines.h"
#include "patch/modules.h"
#include "patch/shadow.h"
#include "patch/slots.h"
#include "patch/timer_hook.h"
#include "telemetry/stats.h"
#include <stddef.h>

dispatch_function *dispatch_probe;
static uint64_t ticks[MAX_CORES];

/* A canary's call; the rare path of dispatch_call(). */
[[gnu::noinline]] static enum status call_watched(struct version *version, void *context, uint32_t core,
                                                  struct fault *fault) {
    const struct shadow *shadow = version->watch.shadow ? shadow_run(version, context, core, fault) : nullptr;
    uint64_t took;
    const enum status status = version_call(version, context, core, fault, &took);
    if (status != STATUS_OK) { return status; }
    if (shadow != nullptr && shadow_disagrees(shadow, context, version->counters[core]->last_result)) {
        module_take_back(version, STATUS_CANARY_DISAGREED, nullptr);
    } else {
        watch_call(version, took);
    }
    return STATUS_OK;
}

/* A fault ends in the predecessor's favour at once; this input is not run again. Inlined twice below, so that the two
 * differ in telemetry alone. */
[[gnu::always_inline]] static inline enum status call_module(struct version *version, void *context, uint32_t core,
                                                             bool counted) {
    struct fault fault;
    uint64_t unused;
    enum status status;
    if (__builtin_expect(__atomic_load_n(&version->watched, __ATOMIC_RELAXED) != 0, 0)) {
        status = call_watched(version, context, core, &fault);
    } else if (counted) {
        status = version_call(version, context, core, &fault, &unused);
    } else {
        status = version_call_uncounted(version, context, core, &fault, &unused);
    }
    if (__builtin_expect(status != STATUS_OK, 0)) { module_take_back(version, STATUS_MODULE_FAULT, &fault); }
    return status;
}

[[gnu::noinline]] enum status dispatch_call(struct version *version, void *context, uint32_t core) {
    return call_module(version, context, core, true);
}

[[gnu::noinline]] enum status dispatch_call_uncounted(struct version *version, void *context, uint32_t core) {
    return call_module(version, context, core, false);
}

/* The slot pointer is loaded once per call; null when it was emptied since `taken` was read. */
static inline struct version *version_for(const struct hook_slots *slots, uint32_t slot, uint32_t core) {
    struct version *version = __atomic_load_n(&slots->slot[slot], __ATOMIC_ACQUIRE);
    return version != nullptr && (version->cores >> core & 1) != 0 ? version : nullptr;
}

static inline enum status call_hooked(struct version *version, void *context, uint32_t core) {
    dispatch_function *const probe = __atomic_load_n(&dispatch_probe, __ATOMIC_RELAXED);
    if (__builtin_expect(probe != nullptr, 0)) { return probe(version, context, core); }
    return dispatch_call(version, context, core);
}

static void run_timer_modules(struct timer_context *context) {
    uint64_t taken = __atomic_load_n(&hook_slots[HOOK_TIMER].taken, __ATOMIC_RELAXED);
    for (; taken != 0; taken &= taken - 1) {
        struct version *version = version_for(&hook_slots[HOOK_TIMER], (uint32_t)__builtin_ctzll(taken), context->core);
        if (version == nullptr) { continue; }
        (void)call_hooked(version, context, context->core);
    }
}

void timer_tick(uint64_t now_ns, uint32_t missed) {
    const uint64_t start = cycles();
    const uint32_t core = core_id();
    struct timer_context context = {
        .tick = ++ticks[core],
        .time_ns = now_ns,
        .period_ns = timer_period_us * 1000ull,
        .core = core,
        .missed = missed,
    };
    if (core == 0) { lines_sample(); }
    run_timer_modules(&context);
    if (core != 0) { return; }
    lines_apply();
    timer_tick_cycles += cycles() - start;
}

/* Modules see a frame, or a line, one after the other, as long as each lets it pass. */
static inline uint32_t run_frame_modules(const struct hook_slots *slots, struct packet_context *context, uint32_t core) {
    uint64_t taken = __atomic_load_n(&slots->taken, __ATOMIC_RELAXED);
    for (; taken != 0; taken &= taken - 1) {
        struct version *version = version_for(slots, (uint32_t)__builtin_ctzll(taken), core);
        if (version == nullptr) { continue; }
        const enum status status = call_hooked(version, context, core);
        if (status != STATUS_OK) { return VERDICT_ABORTED; }
        const uint64_t verdict = version->counters[core]->last_result;
        if (verdict > VERDICT_TRANSMIT) { return VERDICT_ABORTED; }
        if (verdict != VERDICT_PASS) { return (uint32_t)verdict; }
    }
    return VERDICT_PASS;
}

static_assert(sizeof(struct uart_line_context) == sizeof(struct packet_context) &&
              offsetof(struct uart_line_context, time_ns) == offsetof(struct packet_context, time_ns) &&
              offsetof(struct uart_line_context, len) == offsetof(struct packet_context, len));

uint32_t frame_dispatch(enum hook_id hook, uint8_t *data, uint32_t room, uint32_t len, uint32_t port) {
    struct packet_context context = {
        .data = (uint64_t)data,
        .data_end = (uint64_t)data + room,
        .time_ns = clock_ns(),
        .len = len,
        .port = port,
    };
    const uint64_t flags = irq_save();
    const uint32_t verdict = run_frame_modules(&hook_slots[hook], &context, core_id());
    irq_restore(flags);
    stat_add(STAT_frames, hook == HOOK_PACKET);
    return verdict;
}
