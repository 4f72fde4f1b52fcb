#pragma once
/* Finds certificates (kernel-aarch64/bpf/checker/format.h), for the host: invariants where ways meet, by iteration with
 * widening; what ranks each loop; which of all that the checker has to know. Nothing of it is trusted. */

#include "bpf/verifier/observe.h"

struct certificate {
    uint8_t *bytes; /* in the workspace */
    uint32_t size_bytes;
};

/* STATUS_OK with a certificate that bpf_check() will take, but for errors here. Any other status only says that none was
 * found: whether the program is safe bpf_verify() tells. Takes workspaces of some megabytes. `observer`, which may be null, sees every
 * instruction that is stepped, so that it can end what takes too long. */
enum status bpf_infer(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                      struct verifier_result *result, struct certificate *certificate, state_observer observer);
