#pragma once
/* What was done so far, and what was found, as JSON lines on standard output. */

#include "certificates.h"
#include "generator.h"

struct totals {
    uint64_t first_seed, programs; /* seeds first_seed.. were gone through whole */
    uint64_t accepted, refused, checked, steps;
    uint64_t compiled, compared; /* programs, and runs of the compiled code held against the interpreter's */
    uint64_t records; /* given to the ring buffer by the interpreter */
    uint64_t by_status[1024];
    struct certificate_totals certificates;
};

extern struct totals totals;

/* One line; `done` is the last. */
void report_totals(bool done);
/* By which the program was accepted of which something may be found from now on; nothing where there is none. */
void report_certificate(struct span bytes);
/* Says what is wrong with the program of this seed, then the totals, and ends this program with status 1. */
[[noreturn, gnu::format(printf, 3, 4)]] void report_finding(uint64_t seed, const struct generated *generated, const char *format, ...);
