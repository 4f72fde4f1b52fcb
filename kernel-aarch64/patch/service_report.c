/* report: all modules' counters, as differences to a report that the host has (abi/report.ts). */
#include "drivers/clock.h"
#include "gen/abi_report.h"
#include "lib/mem.h"
#include "lib/varint.h"
#include "patch/boot_id.h"
#include "patch/modules.h"
#include "patch/service.h"
#include "telemetry/events.h"
#include "telemetry/line.h"
#include <stddef.h>

static_assert(MODULES_LIMIT <= 256, "a place is a byte");
static_assert(REPORT_PLACE_BYTES <= REPORT_BYTES);

/* Each with its number, 0 for one in which all is 0. Core 0 only. */
static struct report {
    uint32_t number;
    uint64_t values[MODULES_LIMIT][REPORT_VALUES];
} known, /* the host has it */
    latest; /* the host has it if the latest answer arrived */

/* Makes `known` what the host says it has, if that is one of the two. What `latest` does not tell of anew stays as in `known`. */
static void settle(uint32_t since) {
    if (since == latest.number) {
        known = latest;
        return;
    }
    if (since != known.number) { known = (struct report){}; }
    const uint32_t number = latest.number;
    latest = known;
    latest.number = number;
}

/* Numbers of one start are not those of another: the host may still have a report from before a reset. */
static void number_latest(void) {
    if (latest.number == 0) { memcpy(&latest.number, boot_id(), sizeof latest.number); }
    if (++latest.number == 0) { latest.number = 1; }
}

static void read_place(uint32_t place, uint64_t values[REPORT_VALUES]) {
    static struct counters_total totals;
    static_assert(offsetof(struct counters_total, histogram) == (REPORT_BINS - REPORT_CYCLES) * sizeof(uint64_t));
    static_assert(offsetof(struct counters_total, calls) == (REPORT_VALUES - REPORT_CYCLES) * sizeof(uint64_t));
    const struct version *version = module_in(place);
    memset(values, 0, sizeof(latest.values[0]));
    if (version == nullptr) { return; }
    version_totals(version, &totals);
    memcpy(values + REPORT_CYCLES, &totals, offsetof(struct counters_total, calls));
    values[REPORT_ID] = version->module->id;
    values[REPORT_REVISION] = 2ull * version->running.version + (version->watched != 0);
}

/* At most REPORT_PLACE_BYTES; returns the end. */
static uint8_t *put_place(uint8_t *out, uint32_t place) {
    uint8_t *last = nullptr;
    for (uint32_t i = 0; i < REPORT_VALUES; i++) {
        const uint64_t difference = latest.values[place][i] - known.values[place][i];
        if (difference == 0) { continue; }
        if (last == nullptr) { *out++ = (uint8_t)place; }
        last = out;
        *out++ = (uint8_t)i;
        out = put_signed(out, difference);
    }
    if (last != nullptr) { *last |= REPORT_LAST; }
    return out;
}

enum status handle_report(const struct msg_report_request *request, struct msg_report_response *response,
                          [[maybe_unused]] struct refusal *refusal) {
    static uint8_t data[REPORT_BYTES];
    settle(request->since);
    number_latest();
    const uint64_t time_ns = clock_ns();
    uint8_t *out = data;
    uint32_t place = request->from;
    for (; place < MODULES_LIMIT && out <= data + sizeof data - REPORT_PLACE_BYTES; place++) {
        read_place(place, latest.values[place]);
        out = put_place(out, place);
    }
    *response = (struct msg_report_response){
        .number = latest.number,
        .base = known.number,
        .time_ns = time_ns,
        .next = place < MODULES_LIMIT ? place : 0,
        .event = events_newest(),
        .byte_ns = line_byte_ns(),
        .data = {data, (uint32_t)(out - data)},
    };
    return STATUS_OK;
}
