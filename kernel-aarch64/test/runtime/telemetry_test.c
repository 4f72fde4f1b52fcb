/* Counters, events, evidence and the text of trace_printk. */
#include "bpf/helpers/trace.h"
#include "fakes.h"
#include "telemetry/counters.h"
#include "telemetry/events.h"
#include "telemetry/evidence.h"
#include "telemetry/stats.h"

static void counters_sum_over_cores(void) {
    static struct counters counters[2];
    const struct counters *const list[2] = {&counters[0], &counters[1]};
    struct counters_total total;
    counters_clear(&counters[0], 10);
    counters_clear(&counters[1], 10);
    counters_sum(list, 2, &total);
    CHECK(total.calls == 0 && total.min == 0 && total.max == 0);
    CHECK(count_call(&counters[0], 110) == 100);
    CHECK(count_call(&counters[1], 5) == 0); /* less than measuring costs: never negative */
    CHECK(count_call(&counters[1], 1010) == 1000);
    counters[1].last_result = 7;
    counters_sum(list, 2, &total);
    CHECK(total.calls == 3 && total.cycles == 1100 && total.min == 0 && total.max == 1000);
    CHECK(total.histogram[0] == 1 && total.histogram[6] == 1 && total.histogram[9] == 1);
}

static void the_first_core_that_called_gives_the_result_and_any_the_extremes(void) {
    static struct counters counters[3];
    const struct counters *const list[3] = {&counters[0], &counters[1], &counters[2]};
    struct counters_total total;
    for (uint32_t i = 0; i < 3; i++) {
        counters_clear(&counters[i], 0);
        counters[i].last_result = 7 + i;
    }
    const uint64_t calls[] = {1, 0xffffffff, 50, 0};
    for (uint32_t i = 0; i < 2; i++) { CHECK(count_call(&counters[1], calls[i]) == calls[i]); }
    counters_sum(list, 3, &total);
    CHECK(total.last_result == 8 && total.min == 1 && total.max == 0xffffffff && total.calls == 2);
    CHECK(total.histogram[0] == 1 && total.histogram[31] == 1);
    CHECK(count_call(&counters[2], 50) == 50);
    counters_sum(list, 3, &total);
    CHECK(total.last_result == 8 && total.min == 1 && total.max == 0xffffffff && total.calls == 3);
    CHECK(count_call(&counters[0], 0) == 0);
    counters_sum(list, 3, &total);
    CHECK(total.last_result == 7 && total.min == 0 && total.calls == 4 && total.histogram[0] == 2);
    CHECK(count_call(&counters[2], 2) == 2 && count_call(&counters[2], 3) == 3);
    counters_sum(list, 3, &total);
    CHECK(total.histogram[0] == 2 && total.histogram[1] == 2);
    counters_clear(&counters[0], 0);
    counters[0].bins[31] = 1; /* on another core, whose first call is being counted */
    counters_sum(list, 1, &total);
    CHECK(total.calls == 1 && total.min == 0);
}

static uint64_t stat(enum stat stat) {
    const char *name;
    uint64_t value;
    CHECK(stats_read(stat, &name, &value));
    return value;
}

static void add(enum event_kind kind, uint32_t version) {
    const struct event event = {.kind = kind, .version = version};
    if (kind == EVENT_LOG) {
        (void)event_log(&event);
    } else {
        event_add(&event);
    }
}

static void before_the_first_event_there_is_none(void) {
    struct event event;
    CHECK(!event_read(0, &event) && !event_latest(0, &event));
    add(EVENT_FAULT, 0);
    CHECK(event_latest(0, &event) && event.seq == 1 && !event_latest(1, &event));
    CHECK(event_read(1000000, &event) && event.seq == 1); /* a number from before a reset: the host starts over */
    CHECK(!event_read(1, &event));
}

static void log_lines_leave_room_for_other_events(void) {
    struct event event;
    for (uint32_t i = 0; i < EVENT_RING_SIZE; i++) { add(EVENT_LOG, i); }
    CHECK(events_lost() == EVENT_LOG_RESERVE);
    for (uint32_t i = 0; i < EVENT_LOG_RESERVE; i++) { add(EVENT_FAULT, i); }
    CHECK(events_lost() == EVENT_LOG_RESERVE);
    CHECK(event_read(0, &event) && event.seq == 2 && event.kind == EVENT_LOG);
    add(EVENT_FAULT, 99);
    CHECK(events_lost() == EVENT_LOG_RESERVE + 1); /* the oldest, unread */
    CHECK(event_read(0, &event) && event.seq == 3);
}

static void what_was_read_is_not_lost(void) {
    struct event event;
    const uint64_t lost = events_lost();
    uint64_t seq = 0;
    while (event_read(seq, &event)) { seq = event.seq; }
    CHECK(event.version == 99);
    for (uint32_t i = 0; i < EVENT_RING_SIZE; i++) { add(EVENT_INSTALLED, i); }
    CHECK(events_lost() == lost);
    CHECK(event_read(seq, &event) && event.seq == seq + 1);
    CHECK(event_read(seq + 1000000, &event)); /* a number from before a reset: the host starts over */
    CHECK(event.seq == seq + 1);
    CHECK(event_read(seq + EVENT_RING_SIZE - 1, &event) && event_read(seq, &event)); /* what was read stays read */
    for (uint32_t i = 0; i < EVENT_RING_SIZE - 1; i++) { add(EVENT_INSTALLED, i); }
    CHECK(events_lost() == lost);
    CHECK(stat(STAT_events) == events_newest() && stat(STAT_events_lost) == lost);
}

static void the_latest_events_are_told_back_to_the_oldest_that_is_kept(void) {
    struct event event;
    CHECK(event_latest(0, &event) && event.seq == events_newest());
    CHECK(event_latest(EVENT_RING_SIZE - 1, &event) && event.seq == events_newest() - EVENT_RING_SIZE + 1);
    CHECK(!event_latest(EVENT_RING_SIZE, &event));
}

static void what_is_told_of_an_event_commands_no_terminal(void) {
    struct event event = {.text = "\x1b[2J ~\x7f\n\xe9\n"};
    event_add(&event);
    CHECK(event_read(events_newest() - 1, &event) && strcmp(event.text, "?[2J ~???") == 0);
    CHECK(event_latest(0, &event) && strcmp(event.text, "?[2J ~???") == 0);
}

static uint32_t waiting(void) {
    struct evidence evidence;
    uint32_t count = 0;
    while (evidence_read(count, &evidence) == STATUS_OK) { count++; }
    return count;
}

static void evidence_is_never_overwritten(void) {
    struct evidence evidence = {};
    for (uint32_t i = 0; i < EVIDENCE_RECORDS; i++) {
        evidence.version = i;
        CHECK(evidence_add(&evidence) == STATUS_OK);
    }
    evidence.version = 1000;
    CHECK(evidence_add(&evidence) == STATUS_POOL_FULL);
    CHECK(waiting() == EVIDENCE_RECORDS);
    CHECK(evidence_read(5, &evidence) == STATUS_OK && evidence.version == 5);
    const uint32_t id = evidence.id;
    CHECK(evidence_acknowledge(id) == STATUS_OK);
    CHECK(evidence_acknowledge(id) == STATUS_NO_ENTRY);
    CHECK(waiting() == EVIDENCE_RECORDS - 1);
    CHECK(evidence_read(5, &evidence) == STATUS_OK && evidence.version == 6);
    evidence.version = 1001;
    CHECK(evidence_add(&evidence) == STATUS_OK);
    CHECK(evidence_read(EVIDENCE_RECORDS - 1, &evidence) == STATUS_OK && evidence.version == 1001);
    CHECK(stat(STAT_evidence_kept) == EVIDENCE_RECORDS + 1 && stat(STAT_evidence_dropped) == 1);
}

static int64_t trace(char *out, const char *fmt, uint64_t a, uint64_t b, uint64_t c) {
    const uint64_t args[3] = {a, b, c};
    return trace_format(out, 64, fmt, (uint32_t)strlen(fmt) + 1, args);
}

static void trace_lines(void) {
    char out[64];
    CHECK(trace(out, "a %d b %u c %x%%", (uint64_t)-1, 0x100000002u, 255) == 14);
    CHECK(strcmp(out, "a -1 b 2 c ff%") == 0);
    CHECK(trace(out, "%ld %llu %lx", (uint64_t)INT64_MIN, UINT64_MAX, UINT64_MAX) > 0);
    CHECK(strcmp(out, "-9223372036854775808 18446744073709551615 ffffffffffffffff") == 0);
    CHECK(trace(out, "%s", 0, 0, 0) == -22);
    CHECK(trace(out, "%", 0, 0, 0) == -22);
    CHECK(trace(out, "%d%d%d%d", 0, 0, 0) == -22);
    CHECK(trace(out, "0123456789012345678901234567890123456789012345678901234567890123456789", 0, 0, 0) == 70);
    CHECK(strlen(out) == 63);
    const char unterminated[2] = {'h', 'i'};
    CHECK(trace_format(out, 64, unterminated, 2, (uint64_t[3]){}) == 2 && strcmp(out, "hi") == 0);
}

int main(void) {
    counters_sum_over_cores();
    the_first_core_that_called_gives_the_result_and_any_the_extremes();
    before_the_first_event_there_is_none();
    log_lines_leave_room_for_other_events();
    what_was_read_is_not_lost();
    the_latest_events_are_told_back_to_the_oldest_that_is_kept();
    what_is_told_of_an_event_commands_no_terminal();
    evidence_is_never_overwritten();
    trace_lines();
    return 0;
}
