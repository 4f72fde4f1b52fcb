#pragma once
/* Proves that a program is safe to run and bounds how many instructions it executes. Pure: no MMIO, no allocator, no globals. */

#include "bpf/program.h"
#include "gen/abi_status.h"
#include <stdint.h>

/* Memory that the caller lends for one call, 16-byte aligned. More of it allows more complex programs. */
struct verifier_workspace {
    void *memory;
    uint32_t size_bytes;
    uint64_t step_budget; /* instructions the analysis may walk before it refuses with STATUS_BUDGET_EXCEEDED */
};

/* Smallest workspace that any accepted call may get. */
#define VERIFIER_WORKSPACE_MIN_BYTES (64u * 1024u)

struct verifier_result {
    enum status status;
    uint32_t insn;     /* slot that was refused; 0 when accepted */
    char message[128]; /* NUL-terminated: the particulars of a refusal with register and value, else empty */
    uint64_t bound;    /* proven upper bound of executed eBPF instructions; accepted programs only */
    uint64_t steps;    /* instructions the analysis walked */
    uint32_t states;   /* most abstract states held at a time */
};

/* Verifies `program`; fills `facts` and `result`. Returns result->status.
 * Any bytes at all may be given as instructions; the call ends within step_budget. */
enum status bpf_verify(const struct bpf_program *program, const struct verifier_workspace *workspace,
                       struct bpf_facts *facts, struct verifier_result *result);
