#pragma once
/* Forges certificates: events are left out, added, moved and changed while the checker goes through a program, so that what comes
 * behind still comes where it belongs. Damage to bytes (certificates.c) hardly ever gets beyond the first event that it changes. */

#include "generator.h"
#include "lib/span.h"

struct forger;
/* Ends this program with a message when there is no memory. */
struct forger *forger_open(void);
void forger_close(struct forger *f);

/* From now on certificates are made after this one, which must be one of the program. False when it is none that can be followed. */
[[nodiscard]] bool forger_learn(struct forger *f, const struct bpf_program *program, struct span certificate);
/* One for this program, by that random number; `taken`: whether the checker took it, with somebody looking on. It lasts until the next
 * one is forged. */
struct span forge(struct forger *f, const struct bpf_program *program, uint64_t seed, bool *taken);
