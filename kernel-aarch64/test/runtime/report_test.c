/* Reports: whatever answers get lost, the host comes to what the counters say. The decoder here is the test's own. */
#include "fakes.h"
#include "gen/abi_report.h"
#include "patch/modules.h"
#include "patch/service.h"
#include "patch/slots.h"

static struct version *versions[MODULES_LIMIT];

/* What the host has. */
static struct host {
    uint32_t number;
    uint64_t values[MODULES_LIMIT][REPORT_VALUES];
} host;

static uint64_t read_difference(const uint8_t **at) {
    uint64_t value = 0;
    uint32_t shift = 0;
    for (; (**at & 128) != 0; shift += 7) { value |= (uint64_t)(*(*at)++ & 127) << shift; }
    value |= (uint64_t)*(*at)++ << shift;
    return value >> 1 ^ -(value & 1);
}

static void apply(const struct msg_report_response *response) {
    CHECK(response->base == 0 || response->base == host.number);
    if (response->base == 0) { host = (struct host){}; }
    const uint8_t *at = response->data.data;
    while (at < response->data.data + response->data.size) {
        const uint32_t place = *at++;
        uint8_t tag = 0;
        while ((tag & REPORT_LAST) == 0) {
            tag = *at++;
            CHECK((tag & ~REPORT_LAST) < REPORT_VALUES);
            host.values[place][tag & ~REPORT_LAST] += read_difference(&at);
        }
    }
    CHECK(at == response->data.data + response->data.size);
    host.number = response->number;
}

static struct msg_report_response ask(uint32_t since, uint32_t from) {
    struct refusal refusal = {};
    struct msg_report_response response = {};
    const struct msg_report_request request = {.since = since, .from = from, .has_from = true};
    CHECK(handle_report(&request, &response, &refusal) == STATUS_OK);
    CHECK(response.number != 0 && response.number != since && response.data.size <= REPORT_BYTES);
    return response;
}

/* Returns how many answers it took. */
static uint32_t catch_up(void) {
    uint32_t answers = 0;
    uint32_t from = 0;
    do {
        const struct msg_report_response response = ask(host.number, from);
        apply(&response);
        from = response.next;
        answers++;
    } while (from != 0);
    return answers;
}

static void check_all(uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct version *version = versions[i];
        const uint64_t *values = host.values[i];
        CHECK(values[REPORT_ID] == version->module->id);
        CHECK(values[REPORT_REVISION] == 2ull * version->running.version + version->watched);
        uint64_t calls = 0;
        for (uint32_t bin = 0; bin < HISTOGRAM_BINS; bin++) { calls += values[REPORT_BINS + bin]; }
        struct counters_total totals;
        version_totals(version, &totals);
        CHECK(calls == totals.calls && values[REPORT_CYCLES] == totals.cycles);
        CHECK(values[REPORT_MIN] == totals.min && values[REPORT_MAX] == totals.max);
        CHECK(values[REPORT_LAST_RESULT] == totals.last_result);
    }
}

static void add_module(uint32_t i) {
    const char name[] = {'m', (char)('0' + i / 10), (char)('0' + i % 10)};
    CHECK(version_make((struct span){(const uint8_t *)name, sizeof name}, 2, &versions[i]) == STATUS_OK);
    versions[i]->cores = 1u << i % 4;
    CHECK(module_apply(HOOK_TIMER, versions[i], nullptr, nullptr) == STATUS_OK);
}

static void run(uint32_t i, uint32_t calls) {
    struct counters *counters = versions[i]->counters[i % 4];
    for (uint32_t n = 0; n < calls; n++) { (void)count_call(counters, 40 + (i * 7 + n) % 50); }
    counters->last_result = calls * i;
}

static void run_all(uint32_t calls) {
    for (uint32_t i = 0; i < 64; i++) { run(i, calls); }
}

static void everything_is_told_once_and_then_what_changed(void) {
    for (uint32_t i = 0; i < 64; i++) { add_module(i); }
    run_all(10);
    (void)catch_up();
    check_all(64);
    CHECK(ask(host.number, 0).data.size == 0);
    run(5, 1);
    const struct msg_report_response one = ask(host.number, 0);
    CHECK(one.data.size > 0 && one.data.size <= 16);
    apply(&one);
    check_all(64);
    run_all(100); /* a period of 100 ms at 1 kHz */
    const struct msg_report_response all = ask(host.number, 0);
    CHECK(all.next == 0 && all.data.size <= 64 * 15);
    apply(&all);
    check_all(64);
}

static void lost_answers_cost_nothing(void) {
    for (uint32_t round = 0; round < 50; round++) {
        run_all(round % 7);
        for (uint32_t lost = 0; lost < round % 4; lost++) {
            (void)ask(host.number, 0);
            run(round, 3);
        }
        CHECK(catch_up() == 1);
        check_all(64);
    }
}

static void a_report_that_nobody_has_is_told_from_nothing(void) {
    const struct msg_report_response response = ask(host.number ^ 0x80000000u, 0);
    CHECK(response.base == 0);
    host = (struct host){};
    (void)catch_up();
    check_all(64);
}

/* Big numbers in every bin do not fit in one message. */
static void what_does_not_fit_follows(void) {
    for (uint32_t i = 0; i < 64; i++) {
        for (uint32_t bin = 0; bin < COUNTER_BINS; bin++) { versions[i]->counters[i % 4]->bins[bin] += 1ull << 60; }
    }
    CHECK(catch_up() > 4);
    check_all(64);
    CHECK(catch_up() == 1);
    check_all(64);
}

static void swaps_and_removals_are_told(void) {
    struct version *next;
    CHECK(version_make(SPAN("m03"), 2, &next) == STATUS_OK);
    next->watched = 1;
    CHECK(module_apply(HOOK_TIMER, next, versions[3]->module, versions[3]) == STATUS_OK);
    versions[3] = next;
    const uint32_t id = versions[7]->module->id;
    CHECK(module_remove(versions[7]->module) == STATUS_OK);
    (void)catch_up();
    for (uint32_t i = 0; i < REPORT_VALUES; i++) { CHECK(host.values[7][i] == 0); }
    add_module(7);
    (void)catch_up();
    check_all(64);
    CHECK(versions[7]->module->id > id && host.values[3][REPORT_REVISION] == 5);
}

int main(void) {
    CHECK(slots_init() == STATUS_OK);
    everything_is_told_once_and_then_what_changed();
    lost_answers_cost_nothing();
    a_report_that_nobody_has_is_told_from_nothing();
    what_does_not_fit_follows();
    swaps_and_removals_are_told();
    return 0;
}
