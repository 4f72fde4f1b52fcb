#include "bpf/checker/checker.h"
#include "bpf/verifier/observe.h"
#include "bpf/verifier/verifier.h"
#include "explain.h"
#include "host.h"
#include "infer.h"

static struct bpf_facts facts;
static struct verifier_result result;
static struct certificate certificate;
static uint32_t walked;
static uint32_t visits[MAX_PROGRAM_INSNS]; /* times that the analysis came by each instruction */

/* Ends the call, by an exception that unwinds it, when its time is up. */
IMPORT(check_time) extern void check_time(void);

/* A step may compare thousands of states. */
enum { STEPS_BETWEEN_LOOKS = 256 };

static void look_at_clock(void *cookie, const struct state *state) {
    (void)cookie;
    explain_note(state);
    if (state->pc < MAX_PROGRAM_INSNS) { visits[state->pc]++; }
    if (++walked % STEPS_BETWEEN_LOOKS == 0) { check_time(); }
}

static void restart(void *cookie) {
    (void)cookie;
    explain_clear();
}

static const struct observation observation = {look_at_clock, restart, nullptr};

static void clear(void) {
    for (uint32_t i = 0; i < host.program.count && i < MAX_PROGRAM_INSNS; i++) {
        facts.flags[i] = 0;
        visits[i] = 0;
    }
    facts.stack_bytes = 0;
    result = (struct verifier_result){};
}

/* Status. `workspace` is aligned to 16 bytes. */
uint32_t EXPORT(host_verify)(void *workspace, uint32_t size_bytes, uint64_t step_budget) {
    const struct verifier_workspace lent = {workspace, size_bytes, step_budget};
    clear();
    explain_clear();
    return bpf_verify_observed(&host.program, &lent, &facts, &result, &observation);
}

/* Status of the search for a certificate, which lies in the workspace afterwards. */
uint32_t EXPORT(host_infer)(void *workspace, uint32_t size_bytes, uint64_t step_budget) {
    const struct verifier_workspace lent = {workspace, size_bytes, step_budget};
    clear();
    return bpf_infer(&host.program, &lent, &facts, &result, &certificate, look_at_clock);
}

const uint8_t *EXPORT(host_certificate)(void) { return certificate.bytes; }
uint32_t EXPORT(host_certificate_size)(void) { return certificate.size_bytes; }

/* Status of the check of a certificate. */
uint32_t EXPORT(host_check)(const uint8_t *bytes, uint32_t bytes_size, void *workspace, uint32_t size_bytes, uint64_t step_budget) {
    const struct verifier_workspace lent = {workspace, size_bytes, step_budget};
    clear();
    return bpf_check(&host.program, (struct span){bytes, bytes_size}, &lent, &facts, &result, nullptr);
}

const char *EXPORT(host_message)(void) { return result.message; }
uint32_t EXPORT(host_insn)(void) { return result.insn; }

/* The instruction, the first of several, that the analysis came by most often; the refused one when it came by none. */
uint32_t EXPORT(host_busiest)(void) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < host.program.count; i++) { most = visits[i] > visits[most] ? i : most; }
    return visits[most] == 0 ? result.insn : most;
}
uint64_t EXPORT(host_bound)(void) { return result.bound; }
uint64_t EXPORT(host_verifier_steps)(void) { return result.steps; }
uint32_t EXPORT(host_states)(void) { return result.states; }
struct bpf_facts *EXPORT(host_facts)(void) { return &facts; }
uint32_t EXPORT(host_stack_bytes)(void) { return facts.stack_bytes; }
