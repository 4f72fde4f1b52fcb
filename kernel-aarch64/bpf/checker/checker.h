#pragma once
/* Checks a certificate: that a program is safe to run, and how many instructions it executes at most, in one pass over the
 * program and in little memory. What a certificate says is never believed, only made use of. Pure: no MMIO, no allocator, no
 * globals. format.h says what a certificate holds. */

#include "bpf/verifier/observe.h"
#include "bpf/verifier/verifier.h"
#include "lib/span.h"

/* Workspace that is enough for MAX_PROGRAM_INSNS on the board. */
#define CHECKER_WORKSPACE_BYTES (192u * 1024u)
/* Steps for each slot that the board allows: a certificate may have many states at one place. */
#define CHECKER_STEPS_PER_INSN 64u

/* As bpf_verify(), with the same facts. STATUS_BAD_CERTIFICATE when the certificate does not prove it: result says where.
 * What is wrong with the program whatever its certificate says has the status that bpf_verify() gives it. Any bytes at all
 * may be given as program and as certificate; the call ends within workspace->step_budget instructions, or one more at the
 * program's last.
 * `observation` may be null. */
enum status bpf_check(const struct bpf_program *program, struct span certificate, const struct verifier_workspace *workspace,
                      struct bpf_facts *facts, struct verifier_result *result, const struct observation *observation);
