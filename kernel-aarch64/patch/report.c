#include "patch/report.h"
#include "drivers/clock.h"
#include "lib/mem.h"
#include "lib/print.h"
#include "telemetry/events.h"
#include "telemetry/evidence.h"
#include "telemetry/stats.h"

static struct event event_of(enum event_kind kind, const struct version *version, enum status reason) {
    struct event event = {
        .kind = kind,
        .time_ns = clock_ns(),
        .version = version->running.version,
        .reason = reason,
        .before = watch_before(&version->watch),
        .after = watch_after(&version->watch),
    };
    memcpy(event.name, version->name, sizeof(event.name));
    return event;
}
static_assert(EVENT_NAME_BYTES == NAME_BYTES + 1);

static void report(enum event_kind kind, const struct version *version, enum status reason) {
    const struct event event = event_of(kind, version, reason);
    event_add(&event);
}

void report_installed(const struct version *version) {
    report(EVENT_INSTALLED, version, STATUS_OK);
    stat_add(STAT_installs, 1);
}

void report_promoted(const struct version *version) {
    report(EVENT_PROMOTED, version, STATUS_OK);
    stat_add(STAT_promotions, 1);
}

static void keep_evidence(const struct version *version, enum status reason, const struct fault *fault) {
    struct counters_total totals;
    version_totals(version, &totals);
    struct evidence evidence = {
        .version = version->running.version,
        .reason = reason,
        .insn = EVIDENCE_NO_INSN,
        .time_ns = clock_ns(),
        .calls = totals.calls,
        .cycles = totals.cycles,
        .baseline = watch_before(&version->watch),
    };
    memcpy(evidence.name, version->name, sizeof(evidence.name));
    memcpy(evidence.sha, version->sha, sizeof(evidence.sha));
    if (fault != nullptr) {
        evidence.faulted = true;
        evidence.insn = version_insn_of(version, fault->elr, fault->x[30]);
        evidence.esr = fault->esr;
        evidence.far = fault->far;
        memcpy(evidence.x, fault->x, sizeof(evidence.x));
    }
    if (evidence_add(&evidence) == STATUS_OK) { return; }
    struct event full = event_of(EVENT_LOG, version, STATUS_POOL_FULL);
    (void)format(full.text, sizeof(full.text), "evidence store is full: acknowledge records to free it");
    event_add(&full);
}

void report_thrown_out(const struct version *version, const struct version *predecessor, bool ran, enum status reason,
                       const struct fault *fault) {
    if (!ran && fault == nullptr) { return; }
    keep_evidence(version, reason, fault);
    if (fault != nullptr) {
        struct event event = event_of(EVENT_FAULT, version, reason);
        (void)format(event.text, sizeof(event.text), "esr %lx far %lx insn %d", fault->esr, fault->far,
                     (int32_t)version_insn_of(version, fault->elr, fault->x[30]));
        event_add(&event);
        stat_add(STAT_faults, 1);
    }
    if (!ran) { return; }
    struct event event = event_of(EVENT_ROLLED_BACK, version, reason);
    if (predecessor == nullptr) {
        (void)format(event.text, sizeof(event.text), "no earlier version: the slot is empty");
    } else {
        (void)format(event.text, sizeof(event.text), "version %u runs again", predecessor->running.version);
    }
    event_add(&event);
    stat_add(STAT_rollbacks, 1);
}

void report_removed(const struct version *version) {
    report(EVENT_REMOVED, version, STATUS_REQUESTED);
    stat_add(STAT_removals, 1);
}

void report_refused(struct span name, enum status reason, const char *text) {
    struct event event = {.kind = EVENT_REFUSED, .time_ns = clock_ns(), .reason = reason};
    const uint32_t size = name.size < sizeof(event.name) ? name.size : (uint32_t)sizeof(event.name) - 1;
    if (size > 0) { memcpy(event.name, name.data, size); }
    (void)format(event.text, sizeof(event.text), "%s", text);
    event_add(&event);
    stat_add(STAT_refusals, 1);
}
