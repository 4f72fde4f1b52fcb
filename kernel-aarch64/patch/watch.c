#include "patch/watch.h"
#include "drivers/clock.h"
#include "patch/modules.h"

/* Eight samples, 50 ms and 64 calls apart at least: what a module that is called seldom cost lately is known for 512 calls, too. */
constexpr uint64_t SAMPLE_PERIOD_NS = 50'000'000;
constexpr uint64_t SAMPLE_CALLS = 64;

static void sample(struct module *module) {
    const struct version *version = module_running(module);
    if (version == nullptr) { return; }
    struct counters_total totals;
    version_totals(version, &totals);
    const struct baseline_sample *last = &module->samples[(module->next_sample + BASELINE_SAMPLES - 1) % BASELINE_SAMPLES];
    if (last->version == version->running.version && totals.calls - last->calls < SAMPLE_CALLS) { return; }
    module->samples[module->next_sample] = (struct baseline_sample){
        .version = version->running.version, .calls = totals.calls, .cycles = totals.cycles};
    module->next_sample = (module->next_sample + 1) % BASELINE_SAMPLES;
}

void watch_poll(void) {
    static uint64_t next_ns;
    const uint64_t now_ns = clock_ns();
    if (now_ns < next_ns) { return; }
    next_ns = now_ns + SAMPLE_PERIOD_NS;
    struct module *module;
    for (uint32_t i = 0; (module = module_at(i)) != nullptr; i++) { sample(module); }
}

/* The newest sample that lies at least `window` calls back; zeros (since it was installed) when none does. */
static struct baseline_sample baseline_start(const struct version *version, uint64_t calls, uint32_t window) {
    const struct module *module = version->module;
    for (uint32_t back = 1; back <= BASELINE_SAMPLES; back++) {
        const struct baseline_sample *sample =
            &module->samples[(module->next_sample + BASELINE_SAMPLES - back) % BASELINE_SAMPLES];
        if (sample->version == version->running.version && sample->calls + window <= calls) { return *sample; }
    }
    return (struct baseline_sample){};
}

static uint64_t call_limit(const struct counters_total *totals) {
    return totals->calls == 0 ? UINT64_MAX : totals->max * WATCH_CALL_FACTOR + WATCH_CALL_SLACK_CYCLES;
}

void watch_start(struct version *canary, const struct version *predecessor, const struct watch_plan *plan) {
    canary->watch = (struct watch){
        .window = plan->window, .ratio = plan->ratio, .shadow = plan->shadow, .call_limit = UINT64_MAX};
    canary->watched = 1;
    if (predecessor == nullptr) { return; }
    struct counters_total totals;
    version_totals(predecessor, &totals);
    canary->watch.call_limit = call_limit(&totals);
    if (plan->shadow) { return; } /* the baseline is measured beside it */
    const struct baseline_sample start = baseline_start(predecessor, totals.calls, plan->window);
    canary->watch.base_calls = totals.calls - start.calls;
    canary->watch.base_cycles = totals.cycles - start.cycles;
}

/* after / calls > before / base_calls * ratio / 1000, without division: never, where there were no calls before. */
static bool is_slower(const struct watch *watch, uint64_t calls, uint64_t cycles) {
    const unsigned __int128 after = (unsigned __int128)cycles * watch->base_calls * 1000;
    const unsigned __int128 allowed = (unsigned __int128)watch->base_cycles * calls * watch->ratio;
    return after > allowed;
}

void watch_call(struct version *canary, uint64_t took) {
    struct watch *watch = &canary->watch;
    const uint64_t cycles = __atomic_add_fetch(&watch->cycles, took, __ATOMIC_RELAXED);
    const uint64_t calls = __atomic_add_fetch(&watch->calls, 1, __ATOMIC_RELAXED);
    if (took > watch->call_limit) {
        module_take_back(canary, STATUS_CANARY_OVER_BUDGET, nullptr);
    } else if (calls == watch->window) {
        /* With several cores the sums may hold a call more than `calls`: one in a whole window. */
        if (is_slower(watch, calls, cycles)) {
            module_take_back(canary, STATUS_CANARY_SLOWER, nullptr);
        } else {
            module_promote(canary);
        }
    }
}

uint64_t watch_before(const struct watch *watch) {
    return watch->base_calls == 0 ? 0 : watch->base_cycles / watch->base_calls;
}

uint64_t watch_after(const struct watch *watch) { return watch->calls == 0 ? 0 : watch->cycles / watch->calls; }
