#include "patch/calibrate.h"
#include "lib/irqflags.h"
#include "lib/pmu.h"
#include "patch/dispatch.h"
#include "patch/unkept.h"
#include "patch/version.h"

/* The shortest function there is. */
[[gnu::naked, gnu::noinline]] static uint64_t empty([[maybe_unused]] uint64_t a, [[maybe_unused]] uint64_t b) {
    __asm__ volatile("ret");
}
constexpr uint64_t EMPTY_INSNS = 1;

constexpr uint32_t ROUNDS = 16; /* the least of them: caches and predictors are warm by then */

/* Not inlined, so that measuring costs the same wherever it is asked for. */
[[gnu::noinline]] static uint64_t raw_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *raw) {
    const uint64_t start = cycles();
    const uint64_t result = call_unkept(fn, a, b);
    *raw = cycles() - start;
    return result;
}

static uint64_t least_of_plain_calls(void) {
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t raw;
        raw_call(empty, 0, 0, &raw);
        if (raw < least) { least = raw; }
    }
    return least;
}

/* The very code of the hooks, on a version that is in no slot: its fastest call is all measuring. */
static uint64_t least_of_dispatched_calls(void) {
    static struct counters counters;
    static struct version version;
    version.entry = empty;
    counters_clear(&counters, 0);
    version.counters[core_id()] = &counters;
    for (uint32_t i = 0; i < ROUNDS; i++) { (void)dispatch_call(&version, nullptr, core_id()); }
    return counters.min;
}

struct overhead {
    bool known;
    uint64_t cycles;
};

/* Measures once, with interrupts masked. */
static uint64_t once(struct overhead *overhead, uint64_t (*measure)(void)) {
    if (overhead->known) { return overhead->cycles; }
    const uint64_t flags = irq_save();
    const uint64_t least = measure();
    irq_restore(flags);
    *overhead = (struct overhead){.known = true, .cycles = least > EMPTY_INSNS ? least - EMPTY_INSNS : 0};
    return overhead->cycles;
}

uint64_t call_overhead(void) {
    static struct overhead overhead;
    return once(&overhead, least_of_dispatched_calls);
}

uint64_t measured_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *took) {
    static struct overhead measured;
    const uint64_t overhead = once(&measured, least_of_plain_calls);
    uint64_t raw;
    const uint64_t result = raw_call(fn, a, b, &raw);
    *took = raw > overhead ? raw - overhead : 0;
    return result;
}
