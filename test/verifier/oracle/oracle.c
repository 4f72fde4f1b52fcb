/* The soundness oracle: each random program (every other one with random damage, half of them by the rules of platforms
 * where addresses are no secret) that the verifier accepts runs in the interpreter; before each instruction
 * the concrete registers and stack must lie in an abstract state of the verifier there, every fact must hold, every access
 * must be to memory that was lent, and the run must not be longer than the bound. The same without damage, as the checker
 * sees it with its certificate. What the board itself would accept is compiled, and must leave what the interpreter leaves.
 *
 * usage: oracle [-n programs] [-s first seed] [-t seconds, 0: no limit] [-d damaged certificates with one program in so many]
 *               [-f forged certificates with each of these] [-e executor, without which nothing is compiled] [-p seconds between lines of progress, 0: none]
 *               [-b: says what boards can run, too (shown.h)] [-i file of programs, in place of random ones (test/jit/emulator/given.h)]
 * Prints JSON lines; report.h says which. Ends with 1 when something was found, with 0 when it was stopped by a signal. */

#include "certificates.h"
#include "compile.h"
#include "compiled.h"
#include "given.h"
#include "report.h"
#include "run.h"
#include "shown.h"

#include "bpf/verifier/platform.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WORKSPACE_BYTES = 256 * 1024, STEP_BUDGET = 200'000, FORGERIES = 60 };

/* A loop whose number of turns was damaged may take thousands of millions, each of them looked at. */
enum { LONGEST_BOUND = 4'000'000 };

struct oracle {
    struct collected *collected;
    struct compiled *compiled;
    struct certificate_oracle *certificates;
    void *workspace;
};

/* What the board would accept is compiled; that it runs by other rules where addresses are no secret is not said of the JIT. */
static uint64_t run_all(struct oracle *o, const struct claim *claim) {
    if (claim->bound > LONGEST_BOUND) { return 0; }
    uint64_t checked = 0;
    bool compiles = claim->generated->program.platform == nullptr && compiled_begin(o->compiled, claim);
    bool shows = shown_begin(claim);
    for (uint32_t i = 0; i < RUNS; i++) {
        uint64_t seed = claim->seed + i * 1'000'003u, arguments[2], r0;
        uint32_t size = run_begin(claim->generated, seed, arguments);
        if (compiles) { compiled_before(o->compiled, i, arguments); }
        if (shows) { shown_before(claim, i); }
        checked += run_interpreted(claim, size, arguments, seed % 2 != 0, &r0);
        if (compiles) { compiled_after(o->compiled, i, r0); }
        if (shows) { shown_after(claim, i, r0); }
    }
    if (shows) { shown_end(claim); }
    if (compiles) { compiled_end(o->compiled); }
    return checked;
}

static uint64_t run_certified(void *cookie, const struct generated *generated, const struct bpf_facts *facts, uint64_t bound, uint64_t seed,
                              struct span certificate) {
    struct oracle *o = cookie;
    return run_all(o, &(struct claim){generated, o->collected, facts, bound, seed, certificate});
}

/* The board's own, were addresses no secret there: other platforms have their helpers by number. */
static const struct bpf_platform *other_platform(void) {
    enum { LIMIT = HELPER_RINGBUF_OUTPUT + 1 };
    static struct helper_prototype helpers[LIMIT];
    static struct bpf_platform platform;
    if (platform.helpers != nullptr) { return &platform; }
    platform = platform_velocity;
    platform.privileged = true;
    platform.helpers = helpers;
    platform.helper_limit = LIMIT;
    for (uint32_t id = 0; id < LIMIT; id++) {
        uint32_t place = helper_place(id);
        if (place < HELPER_PLACES) { helpers[id] = platform_velocity.helpers[place]; }
    }
    return &platform;
}

static void check_program(struct oracle *o, uint64_t seed) {
    static struct generated generated;
    static struct bpf_facts facts;
    program_of(seed, &generated);
    if (seed % 2 != 0) { mutate(seed, &generated); }
    if (seed % 4 >= 2) { generated.program.platform = other_platform(); }
    struct verifier_workspace workspace = {o->workspace, WORKSPACE_BYTES, STEP_BUDGET};
    struct verifier_result result;
    struct observation observation = states_observation(o->collected);
    observation.restart(observation.cookie);
    bpf_verify_observed(&generated.program, &workspace, &facts, &result, &observation);
    totals.by_status[result.status]++;
    totals.steps += result.steps;
    if (result.status != STATUS_OK) {
        totals.refused++;
        return;
    }
    totals.accepted++;
    totals.checked += run_all(o, &(struct claim){&generated, o->collected, &facts, result.bound, seed, {}});
}

static volatile sig_atomic_t stopped;
static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

struct options {
    uint64_t programs, damage_every, forgeries;
    time_t seconds, progress_seconds;
    const char *executor;
};

static void read_options(int count, char **arguments, struct options *o) {
    *o = (struct options){.programs = 1000, .damage_every = 1, .forgeries = FORGERIES};
    totals.first_seed = 1;
    for (int option; (option = getopt(count, arguments, "n:s:t:d:f:e:p:bi:")) != -1;) {
        uint64_t number = option == 'e' || option == 'b' || option == 'i' || option == '?' ? 0 : strtoull(optarg, nullptr, 0);
        switch (option) {
        case 'n': o->programs = number; break;
        case 's': totals.first_seed = number; break;
        case 't': o->seconds = (time_t)number; break;
        case 'd': o->damage_every = number; break;
        case 'f': o->forgeries = number; break;
        case 'p': o->progress_seconds = (time_t)number; break;
        case 'b': shown_open(true); break;
        case 'i': given_open(optarg, PROGRAM_MAX, RUN_MEMORY_MAX); break;
        case 'e': o->executor = optarg; break;
        default: exit(2);
        }
    }
    if (o->damage_every == 0) { o->damage_every = 1; }
}

static void go_through(struct oracle *o, const struct options *options) {
    time_t began = time(nullptr), said = began;
    for (; totals.programs < options->programs && !stopped; totals.programs++) {
        time_t now = time(nullptr);
        if (options->seconds != 0 && now - began >= options->seconds) { break; }
        if (options->progress_seconds != 0 && now - said >= options->progress_seconds) {
            compiled_flush(o->compiled);
            report_totals(false);
            said = now;
        }
        uint64_t seed = totals.first_seed + totals.programs;
        check_program(o, seed);
        certificates_try(o->certificates, seed, seed % options->damage_every == 0, (uint32_t)options->forgeries, &totals.certificates);
    }
    compiled_flush(o->compiled);
}

int main(int count, char **arguments) {
    struct options options;
    read_options(count, arguments, &options);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    world_open();
    struct oracle o = {.collected = states_open(), .compiled = compiled_open(options.executor), .workspace = aligned_alloc(16, WORKSPACE_BYTES)};
    o.certificates = certificates_open(&(struct certificate_hooks){states_observation(o.collected), run_certified, &o});
    if (o.workspace == nullptr) { return 2; }
    go_through(&o, &options);
    report_totals(true);
    certificates_close(o.certificates);
    compiled_close(o.compiled);
    states_close(o.collected);
    free(o.workspace);
    return 0;
}
