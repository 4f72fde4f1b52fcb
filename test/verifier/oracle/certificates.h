#pragma once
/* Certificates of random programs: each that is inferred must be taken, and what the checker takes, whatever the certificate
 * was, must hold in every run: of damaged certificates, and of certificates of other programs. */

#include "bpf/verifier/observe.h"
#include "generator.h"
#include "lib/span.h"

struct certificate_totals {
    uint64_t accepted, checked; /* programs, and states seen in their runs */
    uint64_t damaged, damaged_accepted;
    uint64_t forged, forged_accepted; /* forge.h */
    uint64_t inferred_refused; /* certificates that the search found and the checker does not take */
};

struct certificate_hooks {
    struct observation observation; /* keeps the states that the checker goes through */
    /* Runs what was accepted; returns how many states were checked. */
    uint64_t (*run)(void *cookie, const struct generated *generated, const struct bpf_facts *facts, uint64_t bound, uint64_t seed,
                    struct span certificate);
    void *cookie;
};

struct certificate_oracle;
struct certificate_oracle *certificates_open(const struct certificate_hooks *hooks);
void certificates_close(struct certificate_oracle *o);
/* The program of this seed, with its certificate; `damages`: and with damaged ones, and the same certificate for a damaged program; and
 * so many forged ones, for a program of the kind of shapes.h. */
void certificates_try(struct certificate_oracle *o, uint64_t seed, bool damages, uint32_t forgeries, struct certificate_totals *totals);
