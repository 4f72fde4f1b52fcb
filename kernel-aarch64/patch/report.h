#pragma once
/* Turns what happens to versions into events, evidence and statistics. Any core, any context. */

#include "patch/version.h"

void report_installed(const struct version *version);
void report_promoted(const struct version *version);
/* `predecessor` took over; null when the slot is empty now. `fault` may be null. */
void report_taken_back(const struct version *version, const struct version *predecessor, enum status reason,
                       const struct fault *fault);
void report_removed(const struct version *version);
/* A patch that was refused; `name` may be empty when it was not even decoded. */
void report_refused(struct span name, enum status reason, const char *text);
