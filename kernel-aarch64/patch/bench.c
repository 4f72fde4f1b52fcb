#include "drivers/clock.h"
#include "drivers/tick.h"
#include "lib/irqflags.h"
#include "lib/mem.h"
#include "lib/pmu.h"
#include "lib/refusal.h"
#include "patch/compile.h"
#include "patch/dispatch.h"
#include "patch/modules.h"
#include "patch/service.h"
#include "patch/text.h"
#include "patch/timer_hook.h"

/* Measures swap and telemetry, and tries what a fault does, with modules of its own, built like any other: verified, compiled, bound to a slot. */

constexpr uint32_t BENCH_PERIOD_US = 100; /* 10 kHz */
constexpr uint32_t SWAPS_MAX = 100'000;
constexpr uint32_t CALLS_MAX = 1'000'000;
constexpr uint32_t FAULTS_MAX = 64;
constexpr uint64_t FAULT_WAIT_NS = 1'000'000'000; /* far above any tick period of this benchmark */
constexpr uint32_t CALLS_MASKED = 64; /* in one stretch with interrupts masked */

/* mov r0, i; exit (RFC 9669 §4.1, §4.3) */
static const struct bpf_insn programs[2][2] = {
    {{.opcode = 0xb7, .imm = 1}, {.opcode = 0x95}},
    {{.opcode = 0xb7, .imm = 2}, {.opcode = 0x95}},
};

static struct compilation compilation;

static enum status emit(uint32_t which, struct version *version, struct refusal *refusal) {
    const struct span code = {(const uint8_t *)programs[which], sizeof(programs[which])};
    enum status status = compile_begin(&compilation, code, HOOK_TIMER, refusal);
    if (status == STATUS_OK) { status = compile_verify(&compilation, (struct span){}, refusal); }
    if (status == STATUS_OK) { status = compile_emit(&compilation, nullptr, version->word_of_insn); }
    if (status != STATUS_OK) { return status; }
    version->entry = (jit_function)compilation.code.exec_addr;
    version->code = compilation.code;
    version->words = compilation.words;
    version->bound = compilation.bound;
    version->cores = 1;
    return STATUS_OK;
}

static enum status build(uint32_t which, struct version **out, struct refusal *refusal) {
    enum status status = version_make(SPAN("bench"), 2, out);
    if (status != STATUS_OK) { return status; }
    status = emit(which, *out, refusal);
    if (status != STATUS_OK) {
        version_free(*out);
        *out = nullptr;
    }
    return status;
}

static enum status apply(struct version *version, struct refusal *refusal) {
    struct module *module = module_find(SPAN("bench"));
    struct version *running = module == nullptr ? nullptr : module_running(module);
    const enum status status = module_apply(HOOK_TIMER, version, module, running);
    if (status != STATUS_OK) {
        version_free(version);
        return REFUSE(refusal, status, "bench was thrown out");
    }
    (void)modules_poll();
    return STATUS_OK;
}

/* One swap as an install does it: new memory, verified, compiled, published, pointer stored, and the version before the
 * previous one freed after a grace period. */
static enum status swap(uint32_t i, struct refusal *refusal) {
    struct version *version;
    const enum status status = build(i & 1, &version, refusal);
    if (status != STATUS_OK) { return status; }
    return apply(version, refusal);
}

static enum status swap_all(uint32_t n, struct msg_bench_response *response, struct refusal *refusal) {
    timer_stats_clear();
    const uint64_t start = cycles();
    enum status status = STATUS_OK;
    while (status == STATUS_OK && response->n < n) {
        status = swap(response->n, refusal);
        if (status == STATUS_OK) { response->n += 1; }
    }
    response->cycles = cycles() - start;
    struct tick_stats stats;
    timer_stats_read(&stats);
    response->ticks = stats.ticks;
    response->missed = stats.missed;
    response->longest_gap_ns = stats.longest_gap_ns;
    return status;
}

static enum status may_bind(struct refusal *refusal) {
    if (module_find(SPAN("bench")) == nullptr) { return module_has_room(HOOK_TIMER); }
    return REFUSE(refusal, STATUS_BAD_STATE, "remove the module bench first");
}

static void unbind(void) {
    struct module *module = module_find(SPAN("bench"));
    if (module != nullptr) { (void)module_remove(module); }
}

static enum status bench_swap(uint32_t n, struct msg_bench_response *response, struct refusal *refusal) {
    if (n == 0 || n > SWAPS_MAX) { return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "n is 1..%u", SWAPS_MAX); }
    enum status status = may_bind(refusal);
    if (status != STATUS_OK) { return status; }
    const uint32_t period_us = timer_period_us;
    (void)timer_set_period(BENCH_PERIOD_US);
    status = swap_all(n, response, refusal);
    (void)timer_set_period(period_us);
    unbind();
    return status;
}

/* Cycles of n calls, without the interrupts between stretches. */
static uint64_t time_calls(dispatch_function *call, struct version *version, uint32_t n) {
    uint64_t total = 0;
    while (n > 0) {
        const uint32_t stretch = n < CALLS_MASKED ? n : CALLS_MASKED;
        const uint64_t flags = irq_save();
        const uint64_t start = cycles();
        for (uint32_t i = 0; i < stretch; i++) { (void)call(version, nullptr, 0); }
        total += cycles() - start;
        irq_restore(flags);
        n -= stretch;
    }
    return total;
}

/* The reply's `cycles` is the difference: what accounting costs over n calls, and what looks at them one by one, if it is on. */
static enum status bench_telemetry(uint32_t n, struct msg_bench_response *response, struct refusal *refusal) {
    if (n == 0 || n > CALLS_MAX) { return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "n is 1..%u", CALLS_MAX); }
    static struct module nowhere; /* in no slot */
    dispatch_function *const probe = dispatch_probe;
    struct version *version;
    const enum status status = build(0, &version, refusal);
    if (status != STATUS_OK) { return status; }
    version->module = &nowhere;
    (void)time_calls(dispatch_call, version, 1); /* the first call sets min and max */
    const uint64_t with = time_calls(probe != nullptr ? probe : dispatch_call, version, n);
    const uint64_t without = time_calls(dispatch_call_uncounted, version, n);
    version_free(version); /* was in no slot: only this core called it */
    response->n = n;
    response->cycles = with > without ? with - without : 0;
    return STATUS_OK;
}

/* No verified program does this: movz x9, #0xdead, lsl #48; ldr x0, [x9]; ret (Arm ARM C6.2). */
static const uint32_t faulting_code[] = {0xd2fbd5a9, 0xf9400120, 0xd65f03c0};

static enum status build_faulting(struct version **out, struct refusal *refusal) {
    const enum status status = build(1, out, refusal);
    if (status != STATUS_OK) { return status; }
    memcpy((*out)->code.write, faulting_code, sizeof(faulting_code));
    (*out)->words = sizeof(faulting_code) / sizeof(*faulting_code);
    code_publish(&(*out)->code);
    return STATUS_OK;
}

/* Puts a faulting version in and waits for the tick to call it; the one before it must run again. */
static enum status fault_once(const struct module *module, struct refusal *refusal) {
    struct version *version;
    const struct version *before = module_running(module);
    enum status status = build_faulting(&version, refusal);
    if (status == STATUS_OK) { status = apply(version, refusal); }
    if (status != STATUS_OK) { return status; }
    const uint64_t deadline_ns = clock_ns() + FAULT_WAIT_NS;
    while (module_running(module) == version && clock_ns() < deadline_ns) {}
    const bool taken_back = module_running(module) == before;
    (void)modules_poll();
    return taken_back ? STATUS_OK : REFUSE(refusal, STATUS_UNKNOWN, "it was not taken back");
}

/* The reply's `n` counts faults that were caught and rolled back; each leaves evidence. */
static enum status bench_fault(uint32_t n, struct msg_bench_response *response, struct refusal *refusal) {
    if (n == 0 || n > FAULTS_MAX) { return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "n is 1..%u", FAULTS_MAX); }
    enum status status = may_bind(refusal);
    if (status == STATUS_OK) { status = swap(0, refusal); }
    const struct module *module = module_find(SPAN("bench"));
    while (status == STATUS_OK && response->n < n) {
        status = fault_once(module, refusal);
        if (status == STATUS_OK) { response->n += 1; }
    }
    unbind();
    return status;
}

enum status handle_bench(const struct msg_bench_request *request, struct msg_bench_response *response,
                         struct refusal *refusal) {
    *response = (struct msg_bench_response){};
    if (span_is(request->what, "swap")) { return bench_swap(request->n, response, refusal); }
    if (span_is(request->what, "telemetry")) { return bench_telemetry(request->n, response, refusal); }
    if (span_is(request->what, "fault")) { return bench_fault(request->n, response, refusal); }
    return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "what is swap, telemetry or fault");
}
