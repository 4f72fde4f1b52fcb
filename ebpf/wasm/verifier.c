#include "bpf/verifier/observe.h"
#include "bpf/verifier/verifier.h"
#include "explain.h"
#include "host.h"

static struct bpf_facts facts;
static struct verifier_result result;
static uint32_t walked;

/* Ends the call, by an exception that unwinds it, when its time is up. */
IMPORT(check_time) extern void check_time(void);

enum { STEPS_BETWEEN_LOOKS = 4096 };

static void look_at_clock(void *cookie, const struct state *state) {
    (void)cookie;
    explain_note(state);
    if (++walked % STEPS_BETWEEN_LOOKS == 0) { check_time(); }
}

static void restart(void *cookie) {
    (void)cookie;
    explain_clear();
}

/* Status. `workspace` is aligned to 16 bytes. */
uint32_t EXPORT(host_verify)(void *workspace, uint32_t size_bytes, uint64_t step_budget) {
    const struct verifier_workspace lent = {workspace, size_bytes, step_budget};
    const struct observation observation = {look_at_clock, restart, nullptr};
    for (uint32_t i = 0; i < host.program.count && i < MAX_PROGRAM_INSNS; i++) { facts.flags[i] = 0; }
    facts.stack_bytes = 0;
    result = (struct verifier_result){};
    explain_clear();
    return bpf_verify_observed(&host.program, &lent, &facts, &result, &observation);
}

const char *EXPORT(host_message)(void) { return result.message; }
uint32_t EXPORT(host_insn)(void) { return result.insn; }
uint64_t EXPORT(host_bound)(void) { return result.bound; }
uint64_t EXPORT(host_verifier_steps)(void) { return result.steps; }
uint32_t EXPORT(host_states)(void) { return result.states; }
struct bpf_facts *EXPORT(host_facts)(void) { return &facts; }
