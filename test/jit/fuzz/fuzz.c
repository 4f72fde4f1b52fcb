/* Random programs through verifier, interpreter and JIT: the compiled code runs under qemu-aarch64 and must give the r0,
 * memory, map values and helper arguments that the interpreter gives; every step of the interpreter must agree with the
 * facts and the bound of the verifier. What fails is made smaller and printed as hex.
 *
 * Long runs, from the root of the repository:
 *   npx tsx test/jit/fuzz/run.ts --seconds 600 --seed 1
 *   npx tsx test/jit/fuzz/run.ts --code b700…9500 --memory 640       one program, made smaller when it fails
 *
 *   npx tsx test/jit/fuzz/run.ts --seconds 600 --seed 1 --compiled   random C as clang compiles it, and changed (changed.c)
 *
 * usage: fuzz <executor> <programs> <first seed> <seconds> [<file of programs>], or fuzz <executor> code <hex> <memory bytes> <seed> */

#include "given.h"
#include "minimise.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct totals {
    uint64_t made, ran, refused, too_long, wrong, steps, slots, words, with_loops;
    uint64_t by_status[1024];
};

enum { FAILURES_SHOWN = 5 };

static void show(const struct trial *t, const char *what) {
    printf("%s %" PRIu64 ": %s\n  %u slots, memory %u: ", what, t->seed, t->reason, t->generated.program.count, t->generated.program.memory_size);
    const uint8_t *bytes = (const uint8_t *)t->generated.insns;
    for (uint32_t i = 0; i < t->generated.program.count * 8; i++) { printf("%02x", bytes[i]); }
    printf("\n");
    fflush(stdout);
}

static void report(struct trial *t, struct emulator *e, struct totals *totals, const char *reason) {
    if (reason) { snprintf(t->reason, sizeof(t->reason), "%s", reason); }
    if (totals->wrong++ >= FAILURES_SHOWN) { return; }
    show(t, "FAILED seed");
    if (!fails_alone(t, e)) {
        printf("  does not fail when it runs alone\n");
        return;
    }
    minimise(t, e);
    show(t, "  smaller, seed");
}

static void run_batch(struct emulator *e, struct trial *trials, uint32_t count, struct totals *totals) {
    static bool crashed[JOBS], wrong[JOBS];
    memset(crashed, 0, sizeof(crashed));
    for (uint32_t first = 0; first < count;) {
        uint32_t stopped = emulator_run(e, first, count);
        if (stopped < count) { crashed[stopped] = true; }
        first = stopped + 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        wrong[i] = crashed[i] || !trial_compare(&trials[i], e->shared, &e->shared->jobs[i]);
        totals->ran++;
        totals->steps += trials[i].steps;
        totals->slots += trials[i].generated.program.count;
        totals->words += e->shared->jobs[i].code_words;
    }
    for (uint32_t i = 0; i < count; i++) { /* after all are compared: this uses the shared memory anew */
        if (wrong[i]) { report(&trials[i], e, totals, crashed[i] ? "the compiled code crashes or hangs" : nullptr); }
    }
}

static void count_outcome(struct totals *totals, enum outcome outcome, const struct trial *t) {
    totals->made++;
    totals->by_status[t->status % 1024]++;
    totals->refused += outcome == OUTCOME_REFUSED;
    totals->too_long += outcome == OUTCOME_LONG;
    if (outcome == OUTCOME_REFUSED && getenv("FUZZ_REFUSED")) { show(t, "refused"); }
}

static void print_totals(const struct totals *totals, uint64_t seed, uint64_t seconds) {
    printf("{\"seed\":%" PRIu64 ",\"seconds\":%" PRIu64 ",\"programs\":%" PRIu64 ",\"ran\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"long\":%" PRIu64
           ",\"steps\":%" PRIu64 ",\"slots\":%" PRIu64 ",\"words\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"refusals\":{",
           seed, seconds, totals->made, totals->ran, totals->refused, totals->too_long, totals->steps, totals->slots, totals->words,
           totals->wrong);
    const char *comma = "";
    for (uint32_t i = 1; i < 1024; i++) {
        if (totals->by_status[i]) {
            printf("%s\"%u\":%" PRIu64, comma, i, totals->by_status[i]);
            comma = ",";
        }
    }
    printf("}}\n");
}

static int run_many(struct emulator *e, struct trial *trials, uint64_t programs, uint64_t first_seed, uint64_t seconds) {
    struct totals totals = {0};
    time_t began = time(nullptr);
    for (uint64_t seed = first_seed; totals.made < programs && totals.wrong < FAILURES_SHOWN && time(nullptr) < began + (time_t)seconds;) {
        struct space space = {0};
        uint32_t count = 0;
        while (count < JOBS && space_left(&space) && totals.made < programs) {
            struct trial *t = &trials[count];
            t->seed = seed++;
            program_of(t->seed, &t->generated);
            enum outcome outcome = trial_prepare(t, e->shared, &e->shared->jobs[count], &space);
            count_outcome(&totals, outcome, t);
            if (outcome == OUTCOME_READY) { count++; }
            if (outcome == OUTCOME_WRONG) { break; }
        }
        struct trial *odd = count < JOBS && trials[count].reason[0] && trials[count].status == 0 ? &trials[count] : nullptr;
        run_batch(e, trials, count, &totals);
        if (odd) { report(odd, e, &totals, nullptr); }
    }
    print_totals(&totals, first_seed, (uint64_t)(time(nullptr) - began));
    return totals.wrong ? 1 : 0;
}

static int run_code(struct emulator *e, struct trial *t, const char *hex, uint32_t memory_size, uint64_t seed) {
    uint32_t bytes = (uint32_t)strlen(hex) / 2;
    if (bytes == 0 || bytes % 8 || bytes > sizeof(t->generated.insns) || memory_size > MEMORY_MAX) {
        fprintf(stderr, "the program must be 1 to %u slots of 16 hex digits, the memory at most %u bytes\n", MAX_PROGRAM_INSNS, (uint32_t)MEMORY_MAX);
        return 2;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        ((uint8_t *)t->generated.insns)[i] = (uint8_t)strtoul(digits, nullptr, 16);
    }
    t->seed = seed;
    describe_program(&t->generated, bytes / 8, memory_size);
    if (!fails_alone(t, e)) {
        printf("%s %s\n", t->status ? "refused:" : "does the same in both", t->reason);
        return t->status ? 3 : 0;
    }
    show(t, "FAILED seed");
    minimise(t, e);
    show(t, "  smaller, seed");
    return 1;
}

int main(int count, char **arguments) {
    bool is_code = count == 6 && strcmp(arguments[2], "code") == 0;
    if (count != 5 && count != 6) {
        fprintf(stderr, "usage: fuzz <executor> <programs> <first seed> <seconds> [<file of programs>] | fuzz <executor> code <hex> <memory bytes> <seed>\n");
        return 2;
    }
    struct emulator emulator;
    struct trial *trials = calloc(JOBS, sizeof(*trials));
    for (uint32_t i = 0; i < JOBS; i++) { trials[i].worlds = malloc(RUNS * sizeof(struct world)); }
    trials_open();
    emulator_open(&emulator, arguments[1]);
    if (count == 6 && !is_code) { given_open(arguments[5], MAX_PROGRAM_INSNS, MEMORY_MAX); }
    int result = is_code ? run_code(&emulator, trials, arguments[3], (uint32_t)strtoul(arguments[4], nullptr, 0), strtoull(arguments[5], nullptr, 0))
                         : run_many(&emulator, trials, strtoull(arguments[2], nullptr, 0), strtoull(arguments[3], nullptr, 0), strtoull(arguments[4], nullptr, 0));
    emulator_close(&emulator);
    return result;
}
