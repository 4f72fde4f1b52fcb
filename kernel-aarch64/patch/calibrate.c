#include "patch/calibrate.h"
#include "lib/irqflags.h"
#include "patch/call.h"

/* The shortest function there is. */
[[gnu::naked, gnu::noinline]] static uint64_t empty([[maybe_unused]] uint64_t a, [[maybe_unused]] uint64_t b) {
    __asm__ volatile("ret");
}
constexpr uint64_t EMPTY_INSNS = 1;

constexpr uint32_t ROUNDS = 16; /* the least of them: caches and predictors are warm by then */

/* Not inlined, so that measuring costs the same wherever it is asked for. */
[[gnu::noinline]] static uint64_t raw_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *raw) {
    const uint64_t start = cycles();
    const uint64_t result = fn(a, b);
    *raw = cycles() - start;
    return result;
}

/* As version_call() does it. */
[[gnu::noinline]] static uint64_t raw_guarded_call(void) {
    uint64_t result;
    struct fault fault;
    const uint64_t start = cycles_at_start();
    const enum status status = guard_call(empty, 0, 0, &result, &fault);
    const uint64_t raw = cycles() - start;
    return status == STATUS_OK ? raw : 0;
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

static uint64_t least_of_guarded_calls(void) {
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const uint64_t raw = raw_guarded_call();
        if (raw < least) { least = raw; }
    }
    return least;
}

/* Measures once, with interrupts masked. */
static uint64_t once(uint64_t *known, uint64_t (*measure)(void)) {
    if (*known != 0) { return *known; }
    const uint64_t flags = irq_save();
    *known = measure() - EMPTY_INSNS;
    irq_restore(flags);
    return *known;
}

uint64_t call_overhead(void) {
    static uint64_t known;
    return once(&known, least_of_guarded_calls);
}

uint64_t measured_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *took) {
    static uint64_t known;
    const uint64_t overhead = once(&known, least_of_plain_calls);
    uint64_t raw;
    const uint64_t result = raw_call(fn, a, b, &raw);
    *took = raw > overhead ? raw - overhead : 0;
    return result;
}
