#pragma once
/* A genuine certificate as a list of events, each with the slot where it comes: so it can be followed where the pass goes otherwise, or
 * the program is another one. */

#include "body.h"
#include "bpf/checker/pass.h"
#include "generator.h"
#include "lib/span.h"

enum { PLAN_BYTES = 32 * 1024, PLAN_EVENTS = 4096, KINDS = 6 };

struct planned {
    uint64_t due; /* steps */
    uint32_t body, bytes;
    int32_t next; /* at the same slot, later, or -1 */
    uint16_t slot;
    uint8_t kind, ranks;
};

struct plan {
    uint32_t count, size;
    int32_t first[PROGRAM_MAX]; /* -1: none */
    struct planned events[PLAN_EVENTS];
    uint8_t bytes[PLAN_BYTES];
};

/* Where the checker lends memory. */
struct bench {
    struct bpf_facts facts;
    alignas(16) uint8_t memory[CHECKER_WORKSPACE_BYTES];
};
enum { BENCH_STEPS = 20'000 };
/* Runs the checker with someone looking on; what is in *observer's cookie may change what the checker reads. */
enum status bench_check(struct bench *bench, const struct bpf_program *program, struct span certificate, state_observer observer, void *cookie,
                        struct verifier_result *result);
/* Of the state that an observer is shown. */
static inline struct checker *checker_of(const struct state *state) {
    return (struct checker *)((uintptr_t)state - offsetof(struct machine, state) - offsetof(struct checker, machine));
}
static inline uint32_t ranks_of(const struct machine *m) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) { count += (m->ranks[i].regs | m->ranks[i].slots) != 0; }
    return count;
}

/* False when the checker does not take the certificate, or it is too long. */
[[nodiscard]] bool plan_learn(struct plan *plan, struct bench *bench, const struct bpf_program *program, struct span certificate);
/* The event of that kind at that slot, when it is passed for the visit-th time, or the last one there; null when there is none. */
const struct planned *planned_at(const struct plan *plan, uint32_t slot, uint32_t kind, uint32_t visit);
