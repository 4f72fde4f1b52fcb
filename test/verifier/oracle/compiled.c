#include "compiled.h"

#include "compile.h"
#include "report.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program that waits, and what the interpreter made of its worlds. */
struct pending {
    struct generated generated;
    uint64_t seed, r0[RUNS];
    alignas(16) uint8_t worlds[RUNS][offsetof(struct world, memory) + RUN_MEMORY_MAX];
};

struct compiled {
    struct emulator emulator;
    struct space space;
    uint32_t count;
    struct pending pending[JOBS];
};

struct compiled *compiled_open(const char *executor) {
    if (executor == nullptr) { return nullptr; }
    struct compiled *c = calloc(1, sizeof(*c));
    if (c == nullptr) {
        fprintf(stderr, "no memory for programs to compile\n");
        exit(2);
    }
    emulator_open(&c->emulator, executor);
    return c;
}

void compiled_close(struct compiled *c) {
    if (c == nullptr) { return; }
    emulator_close(&c->emulator);
    free(c);
}

bool compiled_begin(struct compiled *c, const struct claim *claim) {
    if (c == nullptr) { return false; }
    uint64_t variant = claim->seed * 0x9e3779b97f4a7c15u >> 24;
    struct job *job = &c->emulator.shared->jobs[c->count];
    struct pending *p = &c->pending[c->count];
    if (job_compile(&claim->generated->program, claim->facts, variant, c->emulator.shared, job, &c->space) != STATUS_OK) {
        report_finding(claim->seed, claim->generated, "the compiler has no room for it");
    }
    job_lend_worlds(job, &c->space, RUN_MEMORY_MAX);
    uint32_t count = claim->generated->program.count;
    memcpy(p->generated.insns, claim->generated->insns, count * sizeof(p->generated.insns[0]));
    p->generated.program = claim->generated->program;
    p->seed = claim->seed;
    return true;
}

void compiled_before(struct compiled *c, uint32_t run, const uint64_t arguments[2]) {
    struct job *job = &c->emulator.shared->jobs[c->count];
    job->arguments[0] = arguments[0];
    job->arguments[1] = arguments[1];
    memcpy(job_world(c->emulator.shared, job, run), the_world(), sizeof(c->pending->worlds[run]));
}

void compiled_after(struct compiled *c, uint32_t run, uint64_t r0) {
    struct pending *p = &c->pending[c->count];
    p->r0[run] = r0;
    memcpy(p->worlds[run], the_world(), sizeof(p->worlds[run]));
}

void compiled_end(struct compiled *c) {
    if (++c->count == JOBS || !space_left(&c->space)) { compiled_flush(c); }
}

static void compare(struct compiled *c, const struct pending *p, const struct job *job) {
    for (uint32_t i = 0; i < RUNS; i++) {
        const uint8_t *want = p->worlds[i], *got = job_world(c->emulator.shared, job, i);
        if (job->r0[i] != p->r0[i]) {
            report_finding(p->seed, &p->generated, "compiled, input %u: r0 is 0x%" PRIx64 ", interpreter has 0x%" PRIx64, i, job->r0[i], p->r0[i]);
        }
        if (job->lost[i]) { report_finding(p->seed, &p->generated, "compiled, input %u: a callee-saved register or the stack pointer is not restored", i); }
        if (memcmp(want, got, sizeof(p->worlds[i])) == 0) { continue; }
        uint32_t at = 0;
        while (want[at] == got[at]) { at++; }
        report_finding(p->seed, &p->generated, "compiled, input %u: byte %d of the memory is 0x%02x, interpreter has 0x%02x (below 0: a map, or what a helper got)", i,
                       (int)at - (int)offsetof(struct world, memory), got[at], want[at]);
    }
}

void compiled_flush(struct compiled *c) {
    if (c == nullptr || c->count == 0) { return; }
    uint32_t stopped = emulator_run(&c->emulator, 0, c->count);
    for (uint32_t i = 0; i < stopped; i++) { compare(c, &c->pending[i], &c->emulator.shared->jobs[i]); }
    if (stopped < c->count) { report_finding(c->pending[stopped].seed, &c->pending[stopped].generated, "the compiled code crashes or hangs"); }
    totals.compiled += c->count;
    totals.compared += (uint64_t)c->count * RUNS;
    c->count = 0;
    c->space = (struct space){0};
}
