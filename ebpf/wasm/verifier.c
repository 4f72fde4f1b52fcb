#include "bpf/verifier/verifier.h"
#include "host.h"

static struct bpf_facts facts;
static struct verifier_result result;

/* Status. `workspace` is aligned to 16 bytes. */
uint32_t EXPORT(host_verify)(void *workspace, uint32_t size_bytes, uint64_t step_budget) {
    const struct verifier_workspace lent = {workspace, size_bytes, step_budget};
    facts = (struct bpf_facts){};
    result = (struct verifier_result){};
    return bpf_verify(&host.program, &lent, &facts, &result);
}

const char *EXPORT(host_message)(void) { return result.message; }
uint32_t EXPORT(host_insn)(void) { return result.insn; }
uint64_t EXPORT(host_bound)(void) { return result.bound; }
uint64_t EXPORT(host_verifier_steps)(void) { return result.steps; }
uint32_t EXPORT(host_states)(void) { return result.states; }
struct bpf_facts *EXPORT(host_facts)(void) { return &facts; }
