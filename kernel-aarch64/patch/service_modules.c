/* module, rollback, remove, event, evidence, evidence_ack. */
#include "drivers/clock.h"
#include "lib/mem.h"
#include "lib/refusal.h"
#include "patch/modules.h"
#include "patch/service.h"
#include "patch/text.h"
#include "telemetry/events.h"
#include "telemetry/evidence.h"

static struct span hook_name(enum hook_id hook) {
    static const struct span names[HOOK_ID_LIMIT] = {
#define HOOK_NAME(name, id, budget, context_bytes) [id] = {(const uint8_t *)#name, sizeof(#name) - 1},
        HOOK_TABLE(HOOK_NAME)
#undef HOOK_NAME
    };
    return names[hook];
}

/* The running version of the i-th module; null at the end of the list. */
static const struct version *version_at(uint32_t i) {
    const struct module *module = module_at(i);
    return module == nullptr ? nullptr : module_running(module);
}

enum status handle_module(const struct msg_module_request *request, struct msg_module_response *response,
                          [[maybe_unused]] struct refusal *refusal) {
    const struct version *version = version_at(request->i);
    if (version == nullptr) { return STATUS_NO_ENTRY; }
    const struct version *previous = __atomic_load_n(&version->previous, __ATOMIC_RELAXED);
    *response = (struct msg_module_response){
        .id = version->module->id,
        .name = span_of(version->name),
        .hook = hook_name(version->module->hook),
        .version = version->running.version,
        .state = version->watched != 0 ? SPAN("canary") : SPAN("live"),
        .insns = version->insns,
        .bound = version->bound,
        .jit_bytes = version->words * 4,
        .sha = {version->sha, sizeof(version->sha)},
        .previous = previous == nullptr ? SPAN("") : (struct span){previous->sha, sizeof(previous->sha)},
        .cores = version->cores,
        .proof = version->proof,
    };
    return STATUS_OK;
}

static enum status no_module(struct span name, struct refusal *refusal) {
    return REFUSE(refusal, STATUS_NO_ENTRY, "no module '%.*s' is installed", (int)name.size, (const char *)name.data);
}

enum status handle_rollback(const struct msg_rollback_request *request, struct msg_rollback_response *response,
                            struct refusal *refusal) {
    struct module *module = module_find(request->name);
    if (module == nullptr) { return no_module(request->name, refusal); }
    struct version *running = module_running(module);
    if (running == nullptr) { return STATUS_BUSY; }
    const struct version *previous = __atomic_load_n(&running->previous, __ATOMIC_RELAXED);
    if (previous == nullptr) { return STATUS_NO_PREVIOUS; }
    /* False when the board was faster: then the predecessor runs, as was asked. */
    (void)module_take_back(running, STATUS_REQUESTED, nullptr);
    response->version = previous->running.version;
    return STATUS_OK;
}

enum status handle_remove(const struct msg_remove_request *request, struct refusal *refusal) {
    struct module *module = module_find(request->name);
    return module == nullptr ? no_module(request->name, refusal) : module_remove(module);
}

enum status handle_event(const struct msg_event_request *request, struct msg_event_response *response,
                         [[maybe_unused]] struct refusal *refusal) {
    static struct event event;
    if (!event_read(request->since, &event)) { return STATUS_NO_ENTRY; }
    *response = (struct msg_event_response){
        .seq = event.seq,
        .kind = span_of(event_kind_name(event.kind)),
        .name = span_of(event.name),
        .version = event.version,
        .reason = event.reason,
        .time_ns = event.time_ns,
        .before = event.before,
        .after = event.after,
        .text = span_of(event.text),
        .lost = events_lost(),
    };
    return STATUS_OK;
}

enum status handle_evidence(const struct msg_evidence_request *request, struct msg_evidence_response *response,
                            [[maybe_unused]] struct refusal *refusal) {
    static struct evidence evidence;
    const enum status status = evidence_read(request->i, &evidence);
    if (status != STATUS_OK) { return status; }
    *response = (struct msg_evidence_response){
        .id = evidence.id,
        .name = span_of(evidence.name),
        .version = evidence.version,
        .reason = evidence.reason,
        .time_ns = evidence.time_ns,
        .sha = {evidence.sha, sizeof(evidence.sha)},
        .calls = evidence.calls,
        .cycles = evidence.cycles,
        .baseline = evidence.baseline,
        .insn = evidence.insn,
        .esr = evidence.esr,
        .far = evidence.far,
        .regs = evidence.faulted ? (struct span){(const uint8_t *)evidence.x, sizeof(evidence.x)} : SPAN(""),
    };
    return STATUS_OK;
}

enum status handle_evidence_ack(const struct msg_evidence_ack_request *request, struct refusal *refusal) {
    const enum status status = evidence_acknowledge(request->id);
    if (status == STATUS_OK) { return STATUS_OK; }
    return REFUSE(refusal, status, "no evidence record %u waits", request->id);
}
