#pragma once
/* Turns what happens to versions into events, evidence and statistics. Any core, any context. */

#include "patch/version.h"

void report_installed(const struct version *version);
void report_promoted(const struct version *version);
/* `predecessor` took over if it `ran`; null when the slot is empty now. Of one that did not run only a fault, which may be
 * null, is told. */
void report_thrown_out(const struct version *version, const struct version *predecessor, bool ran, enum status reason,
                       const struct fault *fault);
void report_removed(const struct version *version);
/* A patch that was refused; `name` may be empty when it was not even decoded. */
void report_refused(struct span name, enum status reason, const char *text);
