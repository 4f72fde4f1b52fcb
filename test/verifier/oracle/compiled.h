#pragma once
/* The compiled code of accepted programs, run under emulation in batches: what a run leaves must be what the interpreter left. */

#include "run.h"

struct compiled;

/* Null without the path of the executor (test/jit/emulator): nothing is compiled then. */
struct compiled *compiled_open(const char *executor);
void compiled_close(struct compiled *c);

/* Between these, a program runs RUNS times in the interpreter; false when this one is not compiled. */
[[nodiscard]] bool compiled_begin(struct compiled *c, const struct claim *claim);
void compiled_before(struct compiled *c, uint32_t run, const uint64_t arguments[2]);
void compiled_after(struct compiled *c, uint32_t run, uint64_t r0);
void compiled_end(struct compiled *c);
/* Runs what waits. A difference is reported (report.h) and ends this program. */
void compiled_flush(struct compiled *c);
