#include "plan.h"

#include <stddef.h>
#include <string.h>

enum status bench_check(struct bench *bench, const struct bpf_program *program, struct span certificate, state_observer observer, void *cookie,
                        struct verifier_result *result) {
    struct verifier_workspace workspace = {bench->memory, sizeof(bench->memory), BENCH_STEPS};
    struct observation observation = {observer, nullptr, cookie};
    return bpf_check(program, certificate, &workspace, &bench->facts, result, &observation);
}

struct learner {
    struct plan *plan;
    uint32_t cursor; /* of the event that is not consumed yet */
    uint64_t due;    /* of the one before */
    uint32_t ranks[2]; /* that follow something: now, and at the step before */
    uint32_t steps;
    uint16_t slots[BENCH_STEPS + 2]; /* by step */
    bool lost;
    struct said said;
};

enum { NOTHING_WAITS = UINT32_MAX, AT_ONCE = 12 };

static bool parse(struct learner *l, uint32_t cursor, uint64_t due, uint32_t target, uint32_t depth);

/* The body of an event, if so many ranks follow something, and all up to the target. */
static bool parse_body(struct learner *l, struct planned *event, struct reader in, uint32_t ranks, uint32_t target, uint32_t depth) {
    struct plan *plan = l->plan;
    struct said_loop loop;
    bool fits = true;
    if (event->kind == EVENT_JUMP || event->kind == EVENT_FALL) { fits = said_read(&in, ranks, &l->said); }
    if (event->kind == EVENT_LOOP) { fits = loop_read(&in, &loop); }
    if (event->kind == EVENT_ORDER) { (void)read_number(&in); }
    if (!fits || in.bad) { return false; }
    event->ranks = (uint8_t)ranks;
    event->bytes = (uint32_t)(in.at - plan->bytes) - event->body;
    plan->count++;
    if (parse(l, event->body + event->bytes, event->due, target, depth + 1)) { return true; }
    plan->count--;
    return false;
}

/* Reads events until the one whose body begins at the target is next. How many ranks there are in a change the certificate does not
 * say: they are tried. */
static bool parse(struct learner *l, uint32_t cursor, uint64_t due, uint32_t target, uint32_t depth) {
    struct plan *plan = l->plan;
    l->cursor = cursor;
    l->due = due;
    if (cursor == plan->size) { return target == NOTHING_WAITS; }
    struct reader in = {plan->bytes + cursor, plan->bytes + plan->size, false};
    uint64_t number = read_number(&in);
    uint32_t body = (uint32_t)(in.at - plan->bytes), kind = number & 7;
    if (body == target) { return true; }
    if (depth == AT_ONCE || kind >= KINDS || plan->count == PLAN_EVENTS) { return false; }
    struct planned *event = &plan->events[plan->count];
    *event = (struct planned){.due = due + (number >> 3), .body = body, .kind = (uint8_t)kind};
    bool has_ranks = (kind == EVENT_JUMP || kind == EVENT_FALL) && in.at != in.end && (*in.at & CHANGE_RANKS) != 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (parse_body(l, event, in, l->ranks[i], target, depth)) { return true; }
        if (!has_ranks) { return false; }
    }
    for (uint32_t ranks = 0; ranks <= RANKS; ranks++) {
        if (parse_body(l, event, in, ranks, target, depth)) { return true; }
    }
    return false;
}

static void look(void *cookie, const struct state *state) {
    struct learner *l = cookie;
    const struct checker *c = checker_of(state);
    if (l->lost || l->steps > BENCH_STEPS) { return; }
    l->slots[l->steps++] = (uint16_t)state->pc;
    l->ranks[1] = l->ranks[0];
    l->ranks[0] = ranks_of(&c->machine);
    uint32_t target = c->event == EVENT_NONE ? (uint32_t)NOTHING_WAITS : (uint32_t)(c->in.at - l->plan->bytes);
    l->lost = !parse(l, l->cursor, l->due, target, 0);
}

/* Where an event comes: the slot to which states fall, the instruction, or for what goes on elsewhere, the one before. */
static uint32_t slot_of(const struct learner *l, const struct bpf_program *program, const struct planned *event) {
    if (event->kind != EVENT_FALL && event->kind != EVENT_ORDER) { return event->due < l->steps ? l->slots[event->due] : PROGRAM_MAX; }
    if (event->due == 0) { return 0; }
    uint32_t before = event->due <= l->steps ? l->slots[event->due - 1] : PROGRAM_MAX;
    if (event->kind == EVENT_ORDER || before >= program->count) { return before; }
    return before + 1 + (program->insns[before].opcode == (BPF_CLASS_LD | BPF_SIZE_DW));
}

/* By slot, in the order in which they come. */
static void sort(struct learner *l, const struct bpf_program *program) {
    struct plan *plan = l->plan;
    for (uint32_t slot = 0; slot < PROGRAM_MAX; slot++) { plan->first[slot] = -1; }
    for (uint32_t i = plan->count; i-- != 0;) {
        struct planned *event = &plan->events[i];
        uint32_t slot = slot_of(l, program, event);
        if (slot >= PROGRAM_MAX) { continue; }
        event->slot = (uint16_t)slot;
        event->next = plan->first[slot];
        plan->first[slot] = (int32_t)i;
    }
}

bool plan_learn(struct plan *plan, struct bench *bench, const struct bpf_program *program, struct span certificate) {
    static struct learner learner;
    struct verifier_result result;
    plan->count = 0;
    if (certificate.size > PLAN_BYTES || certificate.size == 0) { return false; }
    memcpy(plan->bytes, certificate.data, certificate.size);
    plan->size = (uint32_t)certificate.size;
    learner.plan = plan;
    learner.cursor = 1;
    learner.due = learner.steps = learner.ranks[0] = learner.ranks[1] = 0;
    learner.lost = false;
    if (bench_check(bench, program, (struct span){plan->bytes, plan->size}, look, &learner, &result) != STATUS_OK) { return false; }
    if (learner.lost || !parse(&learner, learner.cursor, learner.due, NOTHING_WAITS, 0)) { return false; }
    sort(&learner, program);
    return true;
}

const struct planned *planned_at(const struct plan *plan, uint32_t slot, uint32_t kind, uint32_t visit) {
    const struct planned *found = nullptr;
    for (int32_t i = slot < PROGRAM_MAX ? plan->first[slot] : -1; i >= 0; i = plan->events[i].next) {
        if (plan->events[i].kind != kind) { continue; }
        found = &plan->events[i];
        if (visit-- == 0) { break; }
    }
    return found;
}
